CREATE INDEX ix_current_name ON current (name);
CREATE INDEX ix_knob_dimension_dim_share ON knob_dimension (dim, share);
CREATE INDEX ix_knob_effect_attribute_effect ON knob_effect (attribute, effect);
CREATE INDEX ix_knob_name ON knob (name);
CREATE INDEX ix_knob_tag_tag ON knob_tag (tag);
CREATE INDEX ix_knob_verdict ON knob (verdict);
CREATE INDEX ix_run_augmentation ON run (augmentation);
CREATE INDEX ix_run_finished ON run (finished);
CREATE INDEX ix_run_model_id ON run (model_id);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE current (
	model_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	knob_id INTEGER NOT NULL, 
	CONSTRAINT pk_current PRIMARY KEY (model_id, name), 
	CONSTRAINT fk_current_model_id_model FOREIGN KEY(model_id) REFERENCES model (id) ON DELETE CASCADE, 
	CONSTRAINT uq_current_knob_id UNIQUE (knob_id), 
	CONSTRAINT fk_current_knob_id_knob FOREIGN KEY(knob_id) REFERENCES knob (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
CREATE TABLE knob (
	id INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	fit TEXT NOT NULL, 
	unit TEXT NOT NULL, 
	step DOUBLE, 
	low DOUBLE NOT NULL, 
	high DOUBLE NOT NULL, 
	verdict VARCHAR(16) NOT NULL, 
	operator_sha256 VARCHAR(64) NOT NULL, 
	evidence BLOB NOT NULL, 
	CONSTRAINT pk_knob PRIMARY KEY (id), 
	CONSTRAINT uq_knob_run_id_name_kind_fit UNIQUE (run_id, name, kind, fit), 
	CONSTRAINT ck_knob_range_holds_zero CHECK (low <= 0 AND high >= 0), 
	CONSTRAINT fk_knob_run_id_run FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE CASCADE
);
CREATE TABLE knob_amount (
	knob_id INTEGER NOT NULL, 
	split VARCHAR(16) NOT NULL, 
	amount DOUBLE NOT NULL, 
	clips INTEGER NOT NULL, 
	value DOUBLE, 
	low DOUBLE, 
	high DOUBLE, 
	equivariance DOUBLE, 
	equivariance_low DOUBLE, 
	equivariance_high DOUBLE, 
	accuracy DOUBLE, 
	floor DOUBLE, 
	ceiling DOUBLE, 
	CONSTRAINT pk_knob_amount PRIMARY KEY (knob_id, split, amount), 
	CONSTRAINT fk_knob_amount_knob_id_knob FOREIGN KEY(knob_id) REFERENCES knob (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
CREATE TABLE knob_block (
	knob_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	block TEXT NOT NULL, 
	first INTEGER NOT NULL, 
	size INTEGER NOT NULL, 
	share DOUBLE, 
	CONSTRAINT pk_knob_block PRIMARY KEY (knob_id, position), 
	CONSTRAINT fk_knob_block_knob_id_knob FOREIGN KEY(knob_id) REFERENCES knob (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
CREATE TABLE knob_criterion (
	knob_id INTEGER NOT NULL, 
	criterion VARCHAR(16) NOT NULL, 
	position INTEGER NOT NULL, 
	split VARCHAR(16) NOT NULL, 
	"of" TEXT, 
	amount DOUBLE, 
	value DOUBLE, 
	low DOUBLE, 
	high DOUBLE, 
	bound DOUBLE NOT NULL, 
	passed BOOLEAN NOT NULL, 
	CONSTRAINT pk_knob_criterion PRIMARY KEY (knob_id, criterion, position), 
	CONSTRAINT fk_knob_criterion_knob_id_knob FOREIGN KEY(knob_id) REFERENCES knob (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
CREATE TABLE knob_dimension (
	knob_id INTEGER NOT NULL, 
	dim INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	share DOUBLE NOT NULL, 
	weight DOUBLE, 
	CONSTRAINT pk_knob_dimension PRIMARY KEY (knob_id, dim), 
	CONSTRAINT ck_knob_dimension_dim_from_zero CHECK (dim >= 0), 
	CONSTRAINT ck_knob_dimension_share_from_zero CHECK (share >= 0), 
	CONSTRAINT fk_knob_dimension_knob_id_knob FOREIGN KEY(knob_id) REFERENCES knob (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
CREATE TABLE knob_effect (
	knob_id INTEGER NOT NULL, 
	attribute TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	slope DOUBLE NOT NULL, 
	effect DOUBLE NOT NULL, 
	CONSTRAINT pk_knob_effect PRIMARY KEY (knob_id, attribute), 
	CONSTRAINT fk_knob_effect_knob_id_knob FOREIGN KEY(knob_id) REFERENCES knob (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
CREATE TABLE knob_note (
	knob_id INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	CONSTRAINT pk_knob_note PRIMARY KEY (knob_id), 
	CONSTRAINT fk_knob_note_knob_id_knob FOREIGN KEY(knob_id) REFERENCES knob (id) ON DELETE CASCADE
);
CREATE TABLE knob_response (
	knob_id INTEGER NOT NULL, 
	target TEXT NOT NULL, 
	slope DOUBLE, 
	r2 DOUBLE, 
	CONSTRAINT pk_knob_response PRIMARY KEY (knob_id), 
	CONSTRAINT fk_knob_response_knob_id_knob FOREIGN KEY(knob_id) REFERENCES knob (id) ON DELETE CASCADE
);
CREATE TABLE knob_tag (
	knob_id INTEGER NOT NULL, 
	tag TEXT NOT NULL, 
	CONSTRAINT pk_knob_tag PRIMARY KEY (knob_id, tag), 
	CONSTRAINT fk_knob_tag_knob_id_knob FOREIGN KEY(knob_id) REFERENCES knob (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
CREATE TABLE model (
	id INTEGER NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	name TEXT NOT NULL, 
	first_seen VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_model PRIMARY KEY (id), 
	CONSTRAINT uq_model_sha256 UNIQUE (sha256)
);
CREATE TABLE operator_array (
	knob_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	shape TEXT NOT NULL, 
	packing VARCHAR(16) NOT NULL, 
	data BLOB NOT NULL, 
	CONSTRAINT pk_operator_array PRIMARY KEY (knob_id, name), 
	CONSTRAINT fk_operator_array_knob_id_knob FOREIGN KEY(knob_id) REFERENCES knob (id) ON DELETE CASCADE
);
CREATE TABLE registry (
	id INTEGER NOT NULL, 
	application VARCHAR(32) NOT NULL, 
	built_in BOOLEAN NOT NULL, 
	version VARCHAR(64) NOT NULL, 
	created_at VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_registry PRIMARY KEY (id), 
	CONSTRAINT ck_registry_one_row CHECK (id = 1)
);
CREATE TABLE run (
	id INTEGER NOT NULL, 
	identity VARCHAR(16) NOT NULL, 
	result_sha256 VARCHAR(64) NOT NULL, 
	model_id INTEGER NOT NULL, 
	model_name TEXT NOT NULL, 
	augmentation TEXT, 
	corpus TEXT NOT NULL, 
	seed BIGINT NOT NULL, 
	parameters TEXT NOT NULL, 
	counts TEXT NOT NULL, 
	candidate INTEGER, 
	version VARCHAR(64) NOT NULL, 
	started VARCHAR(32) NOT NULL, 
	finished VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_run PRIMARY KEY (id), 
	CONSTRAINT uq_run_identity_result_sha256 UNIQUE (identity, result_sha256), 
	CONSTRAINT fk_run_model_id_model FOREIGN KEY(model_id) REFERENCES model (id)
);
CREATE VIEW v_knob_blocks AS
SELECT
  k.id AS knob_id, coalesce(c.name, k.name) AS name, CAST(c.knob_id IS NOT NULL AS INTEGER) AS current,
  r.model_name AS model, m.sha256 AS model_id, r.identity AS run, k.kind AS kind, k.fit AS fit, k.verdict AS verdict,
  b.block AS block, b.position AS position, b.size AS size, b.share AS share
FROM knob_block AS b
  JOIN knob AS k ON k.id = b.knob_id
  JOIN run AS r ON r.id = k.run_id
  JOIN model AS m ON m.id = r.model_id
  LEFT JOIN current AS c ON c.knob_id = k.id;
CREATE VIEW v_knob_criteria AS
SELECT
  k.id AS knob_id, coalesce(c.name, k.name) AS name, CAST(c.knob_id IS NOT NULL AS INTEGER) AS current,
  r.model_name AS model, m.sha256 AS model_id, r.identity AS run, k.kind AS kind, k.fit AS fit, k.verdict AS verdict,
  x.criterion AS criterion, x.of AS of, x.amount AS amount, x.value AS value, x.low AS low, x.high AS high,
  x.bound AS bound, x.passed AS passed, x.split AS split
FROM knob_criterion AS x
  JOIN knob AS k ON k.id = x.knob_id
  JOIN run AS r ON r.id = k.run_id
  JOIN model AS m ON m.id = r.model_id
  LEFT JOIN current AS c ON c.knob_id = k.id;
CREATE VIEW v_knob_dimensions AS
SELECT
  k.id AS knob_id, coalesce(c.name, k.name) AS name, CAST(c.knob_id IS NOT NULL AS INTEGER) AS current,
  r.model_name AS model, m.sha256 AS model_id, r.identity AS run, k.kind AS kind, k.fit AS fit, k.verdict AS verdict,
  d.dim AS dim, d.position AS position, d.share AS share, d.weight AS weight, b.block AS block, d.dim - b.first AS place
FROM knob_dimension AS d
  JOIN knob AS k ON k.id = d.knob_id
  JOIN run AS r ON r.id = k.run_id
  JOIN model AS m ON m.id = r.model_id
  LEFT JOIN current AS c ON c.knob_id = k.id
  LEFT JOIN knob_block AS b ON b.knob_id = d.knob_id AND d.dim >= b.first AND d.dim < b.first + b.size;
CREATE VIEW v_knob_effects AS
SELECT
  k.id AS knob_id, coalesce(c.name, k.name) AS name, CAST(c.knob_id IS NOT NULL AS INTEGER) AS current,
  r.model_name AS model, m.sha256 AS model_id, r.identity AS run, k.kind AS kind, k.fit AS fit, k.verdict AS verdict,
  e.attribute AS attribute, e.position AS position, e.slope AS slope, e.effect AS effect
FROM knob_effect AS e
  JOIN knob AS k ON k.id = e.knob_id
  JOIN run AS r ON r.id = k.run_id
  JOIN model AS m ON m.id = r.model_id
  LEFT JOIN current AS c ON c.knob_id = k.id;
CREATE VIEW v_knob_response AS
SELECT
  k.id AS knob_id, coalesce(c.name, k.name) AS name, CAST(c.knob_id IS NOT NULL AS INTEGER) AS current,
  r.model_name AS model, m.sha256 AS model_id, r.identity AS run, k.kind AS kind, k.fit AS fit, k.verdict AS verdict,
  x.split AS split, x.amount AS amount, x.clips AS clips, y.target AS target, x.value AS value, x.low AS low,
  x.high AS high, CASE WHEN y.target IS NOT NULL THEN x.amount END AS ideal, x.equivariance AS equivariance,
  x.equivariance_low AS equivariance_low, x.equivariance_high AS equivariance_high, x.accuracy AS accuracy,
  x.floor AS floor, x.ceiling AS ceiling
FROM knob_amount AS x
  JOIN knob AS k ON k.id = x.knob_id
  JOIN run AS r ON r.id = k.run_id
  JOIN model AS m ON m.id = r.model_id
  LEFT JOIN current AS c ON c.knob_id = k.id
  LEFT JOIN knob_response AS y ON y.knob_id = k.id;
CREATE VIEW v_knobs AS
SELECT
  k.id AS knob_id, coalesce(c.name, k.name) AS name, CAST(c.knob_id IS NOT NULL AS INTEGER) AS current,
  r.model_name AS model, m.sha256 AS model_id, r.identity AS run, k.kind AS kind, k.fit AS fit, k.verdict AS verdict,
  r.augmentation AS augmentation, k.unit AS unit, k.step AS step, k.low AS low, k.high AS high,
  (SELECT count(*) FROM knob_dimension AS d WHERE d.knob_id = k.id) AS dimensions,
  (SELECT max(e.effect) FROM knob_effect AS e WHERE e.knob_id = k.id) AS effect,
  coalesce((SELECT group_concat(t.tag, ' ')
    FROM (SELECT tag FROM knob_tag WHERE knob_id = k.id ORDER BY tag) AS t), '') AS tags,
  coalesce(n.text, '') AS note, r.corpus AS corpus, r.seed AS seed, r.finished AS found,
  k.operator_sha256 AS operator_sha256, r.version AS version, x.target AS target, x.slope AS slope, x.r2 AS r2
FROM knob AS k
  JOIN run AS r ON r.id = k.run_id
  JOIN model AS m ON m.id = r.model_id
  LEFT JOIN current AS c ON c.knob_id = k.id
  LEFT JOIN knob_note AS n ON n.knob_id = k.id
  LEFT JOIN knob_response AS x ON x.knob_id = k.id;
CREATE VIEW v_run_plugins AS
SELECT r.identity AS run, r.model_name AS model, m.sha256 AS model_id, p.key AS plugin, p.value AS version
FROM run AS r
  JOIN model AS m ON m.id = r.model_id
  JOIN json_each(CASE WHEN json_valid(r.parameters) THEN r.parameters ELSE '{}' END, '$.plugins') AS p;
CREATE VIEW v_runs AS
SELECT r.identity AS run, r.model_name AS model, m.sha256 AS model_id, r.augmentation AS augmentation,
  r.corpus AS corpus, r.seed AS seed, r.parameters AS parameters, r.counts AS counts, r.version AS version,
  r.started AS started, r.finished AS finished,
  (SELECT count(*) FROM knob AS k WHERE k.run_id = r.id) AS knobs,
  (SELECT count(*) FROM knob AS k WHERE k.run_id = r.id AND k.verdict = 'accepted') AS accepted
FROM run AS r
  JOIN model AS m ON m.id = r.model_id;

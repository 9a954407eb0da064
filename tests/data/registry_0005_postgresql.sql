--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: alembic_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);


--
-- Name: current; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.current (
    model_id integer NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    knob_id integer NOT NULL
);


--
-- Name: knob; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.knob (
    id integer NOT NULL,
    run_id integer NOT NULL,
    "position" integer NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    fit text NOT NULL COLLATE pg_catalog."C",
    unit text NOT NULL COLLATE pg_catalog."C",
    step double precision,
    low double precision NOT NULL,
    high double precision NOT NULL,
    verdict text NOT NULL COLLATE pg_catalog."C",
    operator_sha256 text NOT NULL COLLATE pg_catalog."C",
    evidence bytea NOT NULL,
    CONSTRAINT ck_knob_range_holds_zero CHECK (((low <= (0)::double precision) AND (high >= (0)::double precision)))
);


--
-- Name: knob_amount; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.knob_amount (
    knob_id integer NOT NULL,
    split text NOT NULL COLLATE pg_catalog."C",
    amount double precision NOT NULL,
    clips integer NOT NULL,
    value double precision,
    low double precision,
    high double precision,
    equivariance double precision,
    equivariance_low double precision,
    equivariance_high double precision,
    accuracy double precision,
    floor double precision,
    ceiling double precision
);


--
-- Name: knob_block; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.knob_block (
    knob_id integer NOT NULL,
    "position" integer NOT NULL,
    block text NOT NULL COLLATE pg_catalog."C",
    first integer NOT NULL,
    size integer NOT NULL,
    share double precision
);


--
-- Name: knob_criterion; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.knob_criterion (
    knob_id integer NOT NULL,
    criterion text NOT NULL COLLATE pg_catalog."C",
    "position" integer NOT NULL,
    split text NOT NULL COLLATE pg_catalog."C",
    of text COLLATE pg_catalog."C",
    amount double precision,
    value double precision,
    low double precision,
    high double precision,
    bound double precision NOT NULL,
    passed boolean NOT NULL
);


--
-- Name: knob_dimension; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.knob_dimension (
    knob_id integer NOT NULL,
    dim integer NOT NULL,
    "position" integer NOT NULL,
    share double precision NOT NULL,
    weight double precision,
    CONSTRAINT ck_knob_dimension_dim_from_zero CHECK ((dim >= 0)),
    CONSTRAINT ck_knob_dimension_share_from_zero CHECK ((share >= (0)::double precision))
);


--
-- Name: knob_effect; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.knob_effect (
    knob_id integer NOT NULL,
    attribute text NOT NULL COLLATE pg_catalog."C",
    "position" integer NOT NULL,
    slope double precision NOT NULL,
    effect double precision NOT NULL
);


--
-- Name: knob_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.knob_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: knob_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.knob_id_seq OWNED BY public.knob.id;


--
-- Name: knob_note; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.knob_note (
    knob_id integer NOT NULL,
    text text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: knob_response; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.knob_response (
    knob_id integer NOT NULL,
    target text NOT NULL COLLATE pg_catalog."C",
    slope double precision,
    r2 double precision
);


--
-- Name: knob_tag; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.knob_tag (
    knob_id integer NOT NULL,
    tag text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: model; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.model (
    id integer NOT NULL,
    sha256 text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    first_seen text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: model_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.model_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: model_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.model_id_seq OWNED BY public.model.id;


--
-- Name: operator_array; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.operator_array (
    knob_id integer NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    shape text NOT NULL COLLATE pg_catalog."C",
    packing text NOT NULL COLLATE pg_catalog."C",
    data bytea NOT NULL
);


--
-- Name: registry; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.registry (
    id integer NOT NULL,
    application text NOT NULL COLLATE pg_catalog."C",
    built_in boolean NOT NULL,
    version text NOT NULL COLLATE pg_catalog."C",
    created_at text NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT ck_registry_one_row CHECK ((id = 1))
);


--
-- Name: run; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.run (
    id integer NOT NULL,
    identity text NOT NULL COLLATE pg_catalog."C",
    result_sha256 text NOT NULL COLLATE pg_catalog."C",
    model_id integer NOT NULL,
    model_name text NOT NULL COLLATE pg_catalog."C",
    augmentation text COLLATE pg_catalog."C",
    corpus text NOT NULL COLLATE pg_catalog."C",
    seed bigint NOT NULL,
    parameters text NOT NULL COLLATE pg_catalog."C",
    counts text NOT NULL COLLATE pg_catalog."C",
    candidate integer,
    version text NOT NULL COLLATE pg_catalog."C",
    started text NOT NULL COLLATE pg_catalog."C",
    finished text NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT ck_run_parameters_json CHECK (((parameters)::jsonb IS NOT NULL))
);


--
-- Name: run_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.run_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: run_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.run_id_seq OWNED BY public.run.id;


--
-- Name: v_knob_blocks; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.v_knob_blocks AS
 SELECT k.id AS knob_id,
    COALESCE(c.name, k.name) AS name,
    ((c.knob_id IS NOT NULL))::integer AS current,
    r.model_name AS model,
    m.sha256 AS model_id,
    r.identity AS run,
    k.kind,
    k.fit,
    k.verdict,
    b.block,
    b."position",
    b.size,
    b.share
   FROM ((((public.knob_block b
     JOIN public.knob k ON ((k.id = b.knob_id)))
     JOIN public.run r ON ((r.id = k.run_id)))
     JOIN public.model m ON ((m.id = r.model_id)))
     LEFT JOIN public.current c ON ((c.knob_id = k.id)));


--
-- Name: v_knob_criteria; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.v_knob_criteria AS
 SELECT k.id AS knob_id,
    COALESCE(c.name, k.name) AS name,
    ((c.knob_id IS NOT NULL))::integer AS current,
    r.model_name AS model,
    m.sha256 AS model_id,
    r.identity AS run,
    k.kind,
    k.fit,
    k.verdict,
    x.criterion,
    x.of,
    x.amount,
    x.value,
    x.low,
    x.high,
    x.bound,
    (x.passed)::integer AS passed,
    x.split
   FROM ((((public.knob_criterion x
     JOIN public.knob k ON ((k.id = x.knob_id)))
     JOIN public.run r ON ((r.id = k.run_id)))
     JOIN public.model m ON ((m.id = r.model_id)))
     LEFT JOIN public.current c ON ((c.knob_id = k.id)));


--
-- Name: v_knob_dimensions; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.v_knob_dimensions AS
 SELECT k.id AS knob_id,
    COALESCE(c.name, k.name) AS name,
    ((c.knob_id IS NOT NULL))::integer AS current,
    r.model_name AS model,
    m.sha256 AS model_id,
    r.identity AS run,
    k.kind,
    k.fit,
    k.verdict,
    d.dim,
    d."position",
    d.share,
    d.weight,
    b.block,
    (d.dim - b.first) AS place
   FROM (((((public.knob_dimension d
     JOIN public.knob k ON ((k.id = d.knob_id)))
     JOIN public.run r ON ((r.id = k.run_id)))
     JOIN public.model m ON ((m.id = r.model_id)))
     LEFT JOIN public.current c ON ((c.knob_id = k.id)))
     LEFT JOIN public.knob_block b ON (((b.knob_id = d.knob_id) AND (d.dim >= b.first) AND (d.dim < (b.first + b.size)))));


--
-- Name: v_knob_effects; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.v_knob_effects AS
 SELECT k.id AS knob_id,
    COALESCE(c.name, k.name) AS name,
    ((c.knob_id IS NOT NULL))::integer AS current,
    r.model_name AS model,
    m.sha256 AS model_id,
    r.identity AS run,
    k.kind,
    k.fit,
    k.verdict,
    e.attribute,
    e."position",
    e.slope,
    e.effect
   FROM ((((public.knob_effect e
     JOIN public.knob k ON ((k.id = e.knob_id)))
     JOIN public.run r ON ((r.id = k.run_id)))
     JOIN public.model m ON ((m.id = r.model_id)))
     LEFT JOIN public.current c ON ((c.knob_id = k.id)));


--
-- Name: v_knob_response; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.v_knob_response AS
 SELECT k.id AS knob_id,
    COALESCE(c.name, k.name) AS name,
    ((c.knob_id IS NOT NULL))::integer AS current,
    r.model_name AS model,
    m.sha256 AS model_id,
    r.identity AS run,
    k.kind,
    k.fit,
    k.verdict,
    x.split,
    x.amount,
    x.clips,
    y.target,
    x.value,
    x.low,
    x.high,
        CASE
            WHEN (y.target IS NOT NULL) THEN x.amount
            ELSE NULL::double precision
        END AS ideal,
    x.equivariance,
    x.equivariance_low,
    x.equivariance_high,
    x.accuracy,
    x.floor,
    x.ceiling
   FROM (((((public.knob_amount x
     JOIN public.knob k ON ((k.id = x.knob_id)))
     JOIN public.run r ON ((r.id = k.run_id)))
     JOIN public.model m ON ((m.id = r.model_id)))
     LEFT JOIN public.current c ON ((c.knob_id = k.id)))
     LEFT JOIN public.knob_response y ON ((y.knob_id = k.id)));


--
-- Name: v_knobs; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.v_knobs AS
 SELECT k.id AS knob_id,
    COALESCE(c.name, k.name) AS name,
    ((c.knob_id IS NOT NULL))::integer AS current,
    r.model_name AS model,
    m.sha256 AS model_id,
    r.identity AS run,
    k.kind,
    k.fit,
    k.verdict,
    r.augmentation,
    k.unit,
    k.step,
    k.low,
    k.high,
    ( SELECT count(*) AS count
           FROM public.knob_dimension d
          WHERE (d.knob_id = k.id)) AS dimensions,
    ( SELECT max(e.effect) AS max
           FROM public.knob_effect e
          WHERE (e.knob_id = k.id)) AS effect,
    COALESCE(( SELECT string_agg(t.tag, ' '::text ORDER BY t.tag) AS string_agg
           FROM public.knob_tag t
          WHERE (t.knob_id = k.id)), ''::text) AS tags,
    COALESCE(n.text, ''::text) AS note,
    r.corpus,
    r.seed,
    r.finished AS found,
    k.operator_sha256,
    r.version,
    x.target,
    x.slope,
    x.r2
   FROM (((((public.knob k
     JOIN public.run r ON ((r.id = k.run_id)))
     JOIN public.model m ON ((m.id = r.model_id)))
     LEFT JOIN public.current c ON ((c.knob_id = k.id)))
     LEFT JOIN public.knob_note n ON ((n.knob_id = k.id)))
     LEFT JOIN public.knob_response x ON ((x.knob_id = k.id)));


--
-- Name: v_run_plugins; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.v_run_plugins AS
 SELECT r.identity AS run,
    r.model_name AS model,
    m.sha256 AS model_id,
    p.key AS plugin,
    p.value AS version
   FROM ((public.run r
     JOIN public.model m ON ((m.id = r.model_id)))
     JOIN LATERAL json_each_text(
        CASE
            WHEN (json_typeof(((r.parameters)::json -> 'plugins'::text)) = 'object'::text) THEN ((r.parameters)::json -> 'plugins'::text)
            ELSE NULL::json
        END) p(key, value) ON (true));


--
-- Name: v_runs; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.v_runs AS
 SELECT r.identity AS run,
    r.model_name AS model,
    m.sha256 AS model_id,
    r.augmentation,
    r.corpus,
    r.seed,
    r.parameters,
    r.counts,
    r.version,
    r.started,
    r.finished,
    ( SELECT count(*) AS count
           FROM public.knob k
          WHERE (k.run_id = r.id)) AS knobs,
    ( SELECT count(*) AS count
           FROM public.knob k
          WHERE ((k.run_id = r.id) AND (k.verdict = 'accepted'::text))) AS accepted
   FROM (public.run r
     JOIN public.model m ON ((m.id = r.model_id)));


--
-- Name: knob id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.knob ALTER COLUMN id SET DEFAULT nextval('public.knob_id_seq'::regclass);


--
-- Name: model id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.model ALTER COLUMN id SET DEFAULT nextval('public.model_id_seq'::regclass);


--
-- Name: run id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.run ALTER COLUMN id SET DEFAULT nextval('public.run_id_seq'::regclass);


--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.alembic_version VALUES ('0005');


--
-- Data for Name: current; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.current VALUES (1, 'rhythm', 4);
INSERT INTO public.current VALUES (1, 'pitch', 6);
INSERT INTO public.current VALUES (2, 'pitch', 8);


--
-- Data for Name: knob; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.knob VALUES (1, 1, 0, 'pitch', 'shift', 'mean', 'semitones', NULL, -1, 1, 'rejected', '03c4873690383fef919273964ef93a05dbbd337995414487f7ef4b7db4296fc9', '\x78da6d525b8edb300cbc4aa16f6fe07a9b34f0017a89ee42e04ab4cd46110d3ddc8f20772f655b4102f443804891a399216f6ac11089bdeabb460d94125ad5ff7efb7e681b399f8d4a01c8931ff50c14a2ea6ff74659348e7ca92c5182306252bdcfce35ca73d215a7bc5e11bc3613f81105f8f325a131040e5bdaf08401bdc1adcdf0028140626d0946f6e06a9d456dd0a7804f8968c0ed31581b759e2b9f800e122da813ab5ea9f5ff984bb34a7c411f250566adb0749558cc88b579014756da59183b9a1ff98431bd668a647149c817070afaaf8fdcb683f1c3b78fdc9d4e5689aa880ecdc39a3841c0b8b1fe726c2efb5d088b3e2dcff3aee90b22eede93d712d17f283e93ab77c36214bb47b50994507c15d89bba901726ca215c40a6d3281e4ac863f7261e605aadb972f6025716a2fc9585517b6865591cffada8138d53bd3bba522a35ddb15133c458d4a690f12e3ac23af5271292c361104fa286b4c5710e087657fb27db11edfab6c1f38c0112072d5586e2936c9940f50f87a439a7dd65cec160d4af5903de16dfaaffc2ec52912c2eb43bda1ecec7eef4de9ddfcf3fceede978fa29a264681896b5f3c5adb28ceb5ec797e5abe39e030fe4d6fdbeff03d9543035');
INSERT INTO public.knob VALUES (2, 1, 1, 'pitch', 'affine', 'ridge', 'semitones', 1, -1, 1, 'accepted', 'ad936be5a6223aee6bf434da72e7a3144058fd1d1f192c3fa771dd8f3042b445', '\x78da6d525b8edb300cbc4aa16f6fe07a9b34f0017a89ee42e04ab4cd46110d3ddc8f20772f655b4102f443804891a399216f6ac11089bdeabb460d94125ad5ff7efb7e681b399f8d4a01c8931ff50c14a2ea6ff74659348e7ca92c5182306252bdcfce35ca73d215a7bc5e11bc3613f81105f8f325a131040e5bdaf08401bdc1adcdf0028140626d0946f6e06a9d456dd0a7804f8968c0ed31581b759e2b9f800e122da813ab5ea9f5ff984bb34a7c411f250566adb0749558cc88b579014756da59183b9a1ff98431bd668a647149c817070afaaf8fdcb683f1c3b78fdc9d4e5689aa880ecdc39a3841c0b8b1fe726c2efb5d088b3e2dcff3aee90b22eede93d712d17f283e93ab77c36214bb47b50994507c15d89bba901726ca215c40a6d3281e4ac863f7261e605aadb972f6025716a2fc9585517b6865591cffada8138d53bd3bba522a35ddb15133c458d4a690f12e3ac23af5271292c361104fa286b4c5710e087657fb27db11edfab6c1f38c0112072d5586e2936c9940f50f87a439a7dd65cec160d4af5903de16dfaaffc2ec52912c2eb43bda1ecec7eef4de9ddfcf3fceede978fa29a264681896b5f3c5adb28ceb5ec797e5abe39e030fe4d6fdbeff03d9543035');
INSERT INTO public.knob VALUES (3, 2, 0, 'rhythm', 'shift', 'mean', 'semitones', NULL, -1, 1, 'rejected', '33e89dd6fa0eb20ad85a4acbad6fc2abeceb407d3047d66023b0bfc3ee21ed5c', '\x78da6d52d16edb300cfc9541cf6ee01a5db0e403f6136d21b012ed7051448392bc8720ff3ecab18a04d8830091224f77475ecd829288a3390e9d192967f4e6f8fef2baeb3b3d9f9dc90214294e760692648ed75b673cba40b156d628834c98cd3196103a1339db86535f2f08d1ba13c40915f8f329615184e59e767c42c1e8f0dee6780121d0d87a8289238456e7d13a8c59f021911c842d06ef932d73e3231820d38236b3391ab3fe9f4a6d3699cf1893a6c0ad159e2e1aab19a9352f10c86b3b2be340f3773e63cacf992a595d52f2d5818afefba3f4fde8e2f8e3a30cfbbd37aa2a6140f76d4d3a8160bab3fe0aeccedb5d09ab3eabcff3a6e90b126ede53b41ad17f283e926b77c76a1487ef6a2794517d55d8ab3953542626209c41a7d3191e6bc8d3f0a21e605eadb970890a5717a2fe559451bfeb755902ff6da8279a4eed1ee842b9d60c3f3b33434a556d968237d521ebd41f48680ec7513d4916f23d4eb320f84ded9fe227f4ebdb1d9e6714c82c56ab1ca507d93a81e61f8ed972c99bcb5cc461b2cf5907d157df9affcaecdc903c2eb439daef7e1d86e1ad7fed0f87fd7eff361c54940e0d65593b9fdcaacbb8ee757a5abe36ee5978a4b0eef7ed1fd80d3031');
INSERT INTO public.knob VALUES (4, 2, 1, 'rhythm', 'affine', 'ridge', 'semitones', 1, -1, 1, 'provisional', '3dd1c822d6baf323f5070bc95f02570bb8d7a566268d5b6b8aaaf28a99934ed0', '\x78da6d52d16edb300cfc9541cf6ee01a5db0e403f6136d21b012ed7051448392bc8720ff3ecab18a04d8830091224f77475ecd829288a3390e9d192967f4e6f8fef2baeb3b3d9f9dc90214294e760692648ed75b673cba40b156d628834c98cd3196103a1339db86535f2f08d1ba13c40915f8f329615184e59e767c42c1e8f0dee6780121d0d87a8289238456e7d13a8c59f021911c842d06ef932d73e3231820d38236b3391ab3fe9f4a6d3699cf1893a6c0ad159e2e1aab19a9352f10c86b3b2be340f3773e63cacf992a595d52f2d5818afefba3f4fde8e2f8e3a30cfbbd37aa2a6140f76d4d3a8160bab3fe0aeccedb5d09ab3eabcff3a6e90b126ede53b41ad17f283e926b77c76a1487ef6a2794517d55d8ab3953542626209c41a7d3191e6bc8d3f0a21e605eadb970890a5717a2fe559451bfeb755902ff6da8279a4eed1ee842b9d60c3f3b33434a556d968237d521ebd41f48680ec7513d4916f23d4eb320f84ded9fe227f4ebdb1d9e6714c82c56ab1ca507d93a81e61f8ed972c99bcb5cc461b2cf5907d157df9affcaecdc903c2eb439daef7e1d86e1ad7fed0f87fd7eff361c54940e0d65593b9fdcaacbb8ee757a5abe36ee5978a4b0eef7ed1fd80d3031');
INSERT INTO public.knob VALUES (5, 3, 0, 'pitch', 'shift', 'mean', 'semitones', NULL, -1, 1, 'rejected', 'ff775aaa76c224eab4acc443ecb9f7cfaedf2f1aff39b55f3fb8ca6593a557e0', '\x78da6d525b8edb300cbc4aa16f6fe0f536d9c207d84b74170257a21dd68a68e8e17e04b97b29db0a12a01f02448a1ccd0c79550b8648ec55df356aa094d0aafef7cbeba16de47c352a05204f7ed4335088aabfde1a65d138f2a5b24409c28849f53e3bd728cf49579cf27a41f0da9cc18f28c05f4f098d2170d8d286cf18d01bdcda0c2f100824d69660640faed659d4067d0af8908806dc1e83b551e7b9f209e820d1823ab1ea955aff8fb934abc413fa2829306b85a58bc46246accd0b38b2d2cec2d8d17ccf278ce93953248b4b42be3850d03f3e73db0ec60f3f3e73773a5925aa223a34776be21902c68df5b76333ed77212cfab43ccfbba66f88b87b4f5e4b44ffa1f848aede0d8b51eceed5265042f15560af6a222f4c94439840a6d3281e4ac863f7221e605aadb970f6025716a2fc9585517b6865591cffada8671acff5eee842a9d474c746cd1063519b42c69be808ebd41f48480e87413c891ad216c73920d85ded9f6c47b4ebdb06cf3306481cb454198a0fb26502d53f1c92e69c7697390783513f670d785b7cabfe0bb3a922595c6877b43d9c8eefa763d7bdb6bfdedfba9f6f225c7e8e1896b5f3c9adb28ceb5ec7a7e5abe39e030fe4d6fdbefd03d41f3023');
INSERT INTO public.knob VALUES (6, 3, 1, 'pitch', 'affine', 'ridge', 'semitones', 1, -1, 1, 'accepted', '668b1666146f70473ecff4ac1ec5db95d174c898ee29c277e4b01f84aa644988', '\x78da6d525b8edb300cbc4aa16f6fe0f536d9c207d84b74170257a21dd68a68e8e17e04b97b29db0a12a01f02448a1ccd0c79550b8648ec55df356aa094d0aafef7cbeba16de47c352a05204f7ed4335088aabfde1a65d138f2a5b24409c28849f53e3bd728cf49579cf27a41f0da9cc18f28c05f4f098d2170d8d286cf18d01bdcda0c2f100824d69660640faed659d4067d0af8908806dc1e83b551e7b9f209e820d1823ab1ea955aff8fb934abc413fa2829306b85a58bc46246accd0b38b2d2cec2d8d17ccf278ce93953248b4b42be3850d03f3e73db0ec60f3f3e73773a5925aa223a34776be21902c68df5b76333ed77212cfab43ccfbba66f88b87b4f5e4b44ffa1f848aede0d8b51eceed5265042f15560af6a222f4c94439840a6d3281e4ac863f7221e605aadb970f6025716a2fc9585517b6865591cffada8671acff5eee842a9d474c746cd1063519b42c69be808ebd41f48480e87413c891ad216c73920d85ded9f6c47b4ebdb06cf3306481cb454198a0fb26502d53f1c92e69c7697390783513f670d785b7cabfe0bb3a922595c6877b43d9c8eefa763d7bdb6bfdedfba9f6f225c7e8e1896b5f3c9adb28ceb5ec7a7e5abe39e030fe4d6fdbefd03d41f3023');
INSERT INTO public.knob VALUES (7, 4, 0, 'pitch', 'shift', 'mean', 'semitones', NULL, -1, 1, 'rejected', 'b2c5f6fa3d6a086a796284d56cab96fcc52c31886e0ace0a462cfa94c30beaa6', '\x78da6d52d16edb300cfc9541cf6ee0a648dae503f6136b21b012ed7051448392bc8720ff3ecab18204d8830091224f77475ecc8c9288a3396c3b3350cee8cde1f7cbeba6eff47c75260b50a438da094892395cae9df1e802c55a59a30c326236875842e84ce46c1b4e7d3d2344eb8e104754e0afa7844511965bdaf11105a3c35b9be319844063eb09468e105a9d47eb3066c187447210d618bc4fb64c8d8f60804c33dacce660ccf27f2ab5d9643e614c9a02b754783a6bac66a4d63c4320afedac8c034df77cc6949f3355b2baa4e4ab0315fdd767e9fbc1c5e1c767d9eef7dea8aa8401dddd9a7404c17463fd1dd89dd6bb12567d569fa755d337245cbda76835a2ff507c24d7ee8ed5280ef76a2794517d55d88b3951542626209c40a7d3191e6ac8e3f6453dc0bc5873e61215ae2e44fdab28a37ed3ebb204fedb508f341edb3dd09972add9ee3a33414a556d968257d521cbd41f48680e87413d4916f22d4e9320f855ed9fe247f4cbdb0d9e2714c82c56ab1ca507d93a81e61f0ed972c9abcb5cc461b2cf5907d157df9affcaecd4903cceb43ada6f5e7ff6ef1f1fbb7eb7dd7decdedef76faa4aa786322fad4f76d56d5c163b3d6d5f9bf7243c505816fcfa0ffe763066');
INSERT INTO public.knob VALUES (8, 4, 1, 'pitch', 'affine', 'ridge', 'semitones', 1, -1, 1, 'accepted', 'b684c096e3355cb7b621ea893dab2ba5544651b90b59e6938ad91146102341f0', '\x78da6d52d16edb300cfc9541cf6ee0a648dae503f6136b21b012ed7051448392bc8720ff3ecab18204d8830091224f77475ecc8c9288a3396c3b3350cee8cde1f7cbeba6eff47c75260b50a438da094892395cae9df1e802c55a59a30c326236875842e84ce46c1b4e7d3d2344eb8e104754e0afa7844511965bdaf11105a3c35b9be319844063eb09468e105a9d47eb3066c187447210d618bc4fb64c8d8f60804c33dacce660ccf27f2ab5d9643e614c9a02b754783a6bac66a4d63c4320afedac8c034df77cc6949f3355b2baa4e4ab0315fdd767e9fbc1c5e1c767d9eef7dea8aa8401dddd9a7404c17463fd1dd89dd6bb12567d569fa755d337245cbda76835a2ff507c24d7ee8ed5280ef76a2794517d55d88b3951542626209c40a7d3191e6ac8e3f6453dc0bc5873e61215ae2e44fdab28a37ed3ebb204fedb508f341edb3dd09972add9ee3a33414a556d968257d521cbd41f48680e87413d4916f22d4e9320f855ed9fe247f4cbdb0d9e2714c82c56ab1ca507d93a81e61f0ed972c9abcb5cc461b2cf5907d157df9affcaecd4903cceb43ada6f5e7ff6ef1f1fbb7eb7dd7decdedef76faa4aa786322fad4f76d56d5c163b3d6d5f9bf7243c505816fcfa0ffe763066');
INSERT INTO public.knob VALUES (9, 5, 0, 'density', 'shift', 'mean', 'semitones', NULL, -1, 1, 'rejected', '88f83980e57c01fb435cbb96c33c71c020b87d4768600ca2105989d8661d64c3', '\x78da6d52d16edb300cfc9541cf6ee066693ae403fa136b21b012ed7051448392bc8720ff3ecab18204d8830091224f77475ecc8c9288a3396c3b3350cee8cde1f7cbeba6eff47c75260b50a438da094892395cae9df1e802c55a59a30c326236875842e84ce46c1b4e7d3d2344eb8e104754e0afa7844511965bdaf11105a3c35b9be319844063eb09468e105a9d47eb3066c187447210d618bc4fb64c8d8f60804c33dacce660ccf27f2ab5d9643e614c9a02b754783a6bac66a4d63c4320afedac8c034df77cc6949f3355b2baa4e4ab0315fde3b3f4fde0e2f0e3b36cf77b6f5455c280ee6e4d3a8260bab1fe0eec4eeb5d09ab3eabcfd3aae91b12aede53b41ad17f283e926b77c76a14877bb513caa8be2aecc59c282a1313104ea0d3e90c0f35e471fba21e605eac3973890a5717a2fe559451bfe9755902ff6da8471a8fed1ee84cb9d66cdf3a33414a556d968257d521cbd41f48680e87413d4916f22d4e9320f855ed9fe247f4cbdb0d9e2714c82c56ab1ca507d93a81e61f0ed972c9abcb5cc461b2cf5907d157df9affcaecd4903cceb43ada6f76bb5f6fbbdd6bdfbfeffb9fef7b15ae3f279479e97c72ab2ee3b2d7e969f9dab827e181c2b2dfd77fd3533021');
INSERT INTO public.knob VALUES (10, 5, 1, 'density', 'affine', 'ridge', 'semitones', 1, -1, 1, 'accepted', '7e8e00f8399f1accc80513c2369af447bb4905db2379ce057754fb739e18719e', '\x78da6d52d16edb300cfc9541cf6ee066693ae403fa136b21b012ed7051448392bc8720ff3ecab18204d8830091224f77475ecc8c9288a3396c3b3350cee8cde1f7cbeba6eff47c75260b50a438da094892395cae9df1e802c55a59a30c326236875842e84ce46c1b4e7d3d2344eb8e104754e0afa7844511965bdaf11105a3c35b9be319844063eb09468e105a9d47eb3066c187447210d618bc4fb64c8d8f60804c33dacce660ccf27f2ab5d9643e614c9a02b754783a6bac66a4d63c4320afedac8c034df77cc6949f3355b2baa4e4ab0315fde3b3f4fde0e2f0e3b36cf77b6f5455c280ee6e4d3a8260bab1fe0eec4eeb5d09ab3eabcfd3aae91b12aede53b41ad17f283e926b77c76a14877bb513caa8be2aecc59c282a1313104ea0d3e90c0f35e471fba21e605eac3973890a5717a2fe559451bfe9755902ff6da8471a8fed1ee84cb9d66cdf3a33414a556d968257d521cbd41f48680e87413d4916f22d4e9320f855ed9fe247f4cbdb0d9e2714c82c56ab1ca507d93a81e61f0ed972c9abcb5cc461b2cf5907d157df9affcaecd4903cceb43ada6f76bb5f6fbbdd6bdfbfeffb9fef7b15ae3f279479e97c72ab2ee3b2d7e969f9dab827e181c2b2dfd77fd3533021');


--
-- Data for Name: knob_amount; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: knob_block; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: knob_criterion; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.knob_criterion VALUES (1, 'leakage', 0, 'test', 'log2-onsets', 1, 0.02, NULL, NULL, 0.25, true);
INSERT INTO public.knob_criterion VALUES (2, 'leakage', 0, 'test', 'log2-onsets', 1, 0.02, NULL, NULL, 0.25, true);
INSERT INTO public.knob_criterion VALUES (3, 'leakage', 0, 'test', 'log2-onsets', 1, 0.02, NULL, NULL, 0.25, true);
INSERT INTO public.knob_criterion VALUES (4, 'leakage', 0, 'test', 'log2-onsets', 1, 0.02, NULL, NULL, 0.25, true);
INSERT INTO public.knob_criterion VALUES (5, 'leakage', 0, 'test', 'log2-onsets', 1, 0.02, NULL, NULL, 0.25, true);
INSERT INTO public.knob_criterion VALUES (6, 'leakage', 0, 'test', 'log2-onsets', 1, 0.02, NULL, NULL, 0.25, true);
INSERT INTO public.knob_criterion VALUES (7, 'leakage', 0, 'test', 'log2-onsets', 1, 0.02, NULL, NULL, 0.25, true);
INSERT INTO public.knob_criterion VALUES (8, 'leakage', 0, 'test', 'log2-onsets', 1, 0.02, NULL, NULL, 0.25, true);
INSERT INTO public.knob_criterion VALUES (9, 'leakage', 0, 'test', 'log2-onsets', 1, 0.02, NULL, NULL, 0.25, true);
INSERT INTO public.knob_criterion VALUES (10, 'leakage', 0, 'test', 'log2-onsets', 1, 0.02, NULL, NULL, 0.25, true);


--
-- Data for Name: knob_dimension; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.knob_dimension VALUES (1, 1, 0, 1, -0.5);
INSERT INTO public.knob_dimension VALUES (2, 2, 0, 0.625, NULL);
INSERT INTO public.knob_dimension VALUES (2, 0, 1, 0.3, NULL);
INSERT INTO public.knob_dimension VALUES (3, 1, 0, 1, -0.5);
INSERT INTO public.knob_dimension VALUES (4, 2, 0, 0.625, NULL);
INSERT INTO public.knob_dimension VALUES (4, 0, 1, 0.3, NULL);
INSERT INTO public.knob_dimension VALUES (5, 1, 0, 1, -0.5);
INSERT INTO public.knob_dimension VALUES (6, 2, 0, 0.625, NULL);
INSERT INTO public.knob_dimension VALUES (6, 0, 1, 0.3, NULL);
INSERT INTO public.knob_dimension VALUES (7, 1, 0, 1, -0.5);
INSERT INTO public.knob_dimension VALUES (8, 2, 0, 0.625, NULL);
INSERT INTO public.knob_dimension VALUES (8, 0, 1, 0.3, NULL);
INSERT INTO public.knob_dimension VALUES (9, 1, 0, 1, -0.5);
INSERT INTO public.knob_dimension VALUES (10, 2, 0, 0.625, NULL);
INSERT INTO public.knob_dimension VALUES (10, 0, 1, 0.3, NULL);


--
-- Data for Name: knob_effect; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.knob_effect VALUES (1, 'mean-pitch', 0, 0.98, 1.7);
INSERT INTO public.knob_effect VALUES (1, 'log2-onsets', 1, 0.01, 0.02);
INSERT INTO public.knob_effect VALUES (2, 'mean-pitch', 0, 0.98, 1.7);
INSERT INTO public.knob_effect VALUES (2, 'log2-onsets', 1, 0.01, 0.02);
INSERT INTO public.knob_effect VALUES (3, 'mean-pitch', 0, 0.98, 1.7);
INSERT INTO public.knob_effect VALUES (3, 'log2-onsets', 1, 0.01, 0.02);
INSERT INTO public.knob_effect VALUES (4, 'mean-pitch', 0, 0.98, 1.7);
INSERT INTO public.knob_effect VALUES (4, 'log2-onsets', 1, 0.01, 0.02);
INSERT INTO public.knob_effect VALUES (5, 'mean-pitch', 0, 0.98, 1.7);
INSERT INTO public.knob_effect VALUES (5, 'log2-onsets', 1, 0.01, 0.02);
INSERT INTO public.knob_effect VALUES (6, 'mean-pitch', 0, 0.98, 1.7);
INSERT INTO public.knob_effect VALUES (6, 'log2-onsets', 1, 0.01, 0.02);
INSERT INTO public.knob_effect VALUES (7, 'mean-pitch', 0, 0.98, 1.7);
INSERT INTO public.knob_effect VALUES (7, 'log2-onsets', 1, 0.01, 0.02);
INSERT INTO public.knob_effect VALUES (8, 'mean-pitch', 0, 0.98, 1.7);
INSERT INTO public.knob_effect VALUES (8, 'log2-onsets', 1, 0.01, 0.02);
INSERT INTO public.knob_effect VALUES (9, 'mean-pitch', 0, 0.98, 1.7);
INSERT INTO public.knob_effect VALUES (9, 'log2-onsets', 1, 0.01, 0.02);
INSERT INTO public.knob_effect VALUES (10, 'mean-pitch', 0, 0.98, 1.7);
INSERT INTO public.knob_effect VALUES (10, 'log2-onsets', 1, 0.01, 0.02);


--
-- Data for Name: knob_note; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: knob_response; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: knob_tag; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.knob_tag VALUES (1, 'melody');
INSERT INTO public.knob_tag VALUES (1, 'shipped');
INSERT INTO public.knob_tag VALUES (2, 'melody');
INSERT INTO public.knob_tag VALUES (2, 'shipped');
INSERT INTO public.knob_tag VALUES (3, 'melody');
INSERT INTO public.knob_tag VALUES (3, 'shipped');
INSERT INTO public.knob_tag VALUES (4, 'melody');
INSERT INTO public.knob_tag VALUES (4, 'shipped');
INSERT INTO public.knob_tag VALUES (5, 'melody');
INSERT INTO public.knob_tag VALUES (5, 'shipped');
INSERT INTO public.knob_tag VALUES (6, 'melody');
INSERT INTO public.knob_tag VALUES (6, 'shipped');
INSERT INTO public.knob_tag VALUES (7, 'melody');
INSERT INTO public.knob_tag VALUES (7, 'shipped');
INSERT INTO public.knob_tag VALUES (8, 'melody');
INSERT INTO public.knob_tag VALUES (8, 'shipped');
INSERT INTO public.knob_tag VALUES (9, 'melody');
INSERT INTO public.knob_tag VALUES (9, 'shipped');
INSERT INTO public.knob_tag VALUES (10, 'melody');
INSERT INTO public.knob_tag VALUES (10, 'shipped');


--
-- Data for Name: model; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.model VALUES (1, 'abababababababababababababababababababababababababababababababab', 'model-abab', '2025-01-03T03:04:05.000678+00:00');
INSERT INTO public.model VALUES (2, 'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd', 'model-cdcd', '2025-01-06T03:04:05.000678+00:00');


--
-- Data for Name: operator_array; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.operator_array VALUES (4, 'amounts', '[2]', 'rows-zlib', '\x78da63fd75c0010004c60200');
INSERT INTO public.operator_array VALUES (4, 'matrices', '[2,4,4]', 'rows-zlib', '\x78da0182007dff003697413ed8d205bf117dd3be00411cc0d05ce63f0774923fd29da6be3018463fd8fa8f3e55c70dbfdc417a3f45019fbe9b5ba8be21ca4abf44f0e83e5928cbbd000b980b3f86701bbf29df013e126c64bf406a573f458c403e9a40a93e922dd23e806081bf8d7e483f05a103407cb8d1bf5b5dddbf519ec0bfda69573f0ace033ecce339be');
INSERT INTO public.operator_array VALUES (4, 'offsets', '[2,4]', 'rows-zlib', '\x78da635060efb2b7fe6861afbc20dcae3877a2dda6abbafb3283e3ec3b664dd8fff0eff57d00d0290f4a');
INSERT INTO public.operator_array VALUES (6, 'amounts', '[2]', 'rows-zlib', '\x78da63fd75c0010004c60200');
INSERT INTO public.operator_array VALUES (6, 'matrices', '[2,4,4]', 'rows-zlib', '\x78da0182007dff006b9e0240049023c00d11d63e595911bfa6c1e7be81c55cbe744701c0ae7f6dbe9b7e5dbf06ac54409b34673e068cb4bee80490be16052bbf2c0f87bf1117c8be008cc1f63e664774bead2f753fee984cbeffbbc63c75ddc53f098c0b3fac5601bf243a3bbedb5f0a3ff7b0f73fad0b8abe726779bed04b803f0aef62bf5b5c95bece203c10');
INSERT INTO public.operator_array VALUES (6, 'offsets', '[2,4]', 'rows-zlib', '\x78da63107e97687f69a288bd4cee6edb6fdddaf673184c0fe8ef6ab2775f5dba3f6cead5fd00e1430ea4');
INSERT INTO public.operator_array VALUES (8, 'amounts', '[2]', 'rows-zlib', '\x78da63fd75c0010004c60200');
INSERT INTO public.operator_array VALUES (8, 'matrices', '[2,4,4]', 'rows-zlib', '\x78da0182007dff00c9db26bf17e932bee8f4d43fe8bd283f4e19d2bf2580aabb529b1fbfdd32183e19d9cdbf0c93773eb207713e1daec93f4c1fa23e30b3023f731ebfbfb72c104000e033f5bfd8078d3f30e9a8be0d7261bf4b0228bf27092cbf25a8c23e7466e1bde4c4bd3f7730eabf02ea49bbc55d64bf8a9f463f4c8e07c0b5f8afbe9237573ea0f33d79');
INSERT INTO public.operator_array VALUES (8, 'offsets', '[2,4]', 'rows-zlib', '\x78da6368feb377bfb8798dfd720673bbf50f1aec557a4bed0f5cafda1f61e3b33fc52c601f00fa1c0eeb');


--
-- Data for Name: registry; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.registry VALUES (1, 'latentknobs', false, '0.1.0', '2026-12-01T21:31:31.884237+00:00');


--
-- Data for Name: run; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.run VALUES (1, 'd690ecf8404faecc', '669814bf9754a4deb7305043ed779a83d7ba3ffd72a472364b71eb8fd5b03930', 1, 'model-abab', 'transpose', 'folk', 1, '{"clips":64}', '{"clips":64,"masked at +1":3}', 1, '1.0', '2025-01-03T03:04:05.000678+00:00', '2025-01-03T03:05:05.000678+00:00');
INSERT INTO public.run VALUES (2, '48a6bef1885237f4', 'e244904783bfdb89bf62a6b445e39444fdea51201dcb4e9631a5c2b0e7c5fb25', 1, 'model-abab', 'transpose', 'folk', 2, '{"clips":64}', '{"clips":64,"masked at +1":3}', 1, '1.0', '2025-01-04T03:04:05.000678+00:00', '2025-01-04T03:05:05.000678+00:00');
INSERT INTO public.run VALUES (3, 'b672485003abbcc8', 'fc6bb983d24fe175af870290837e97fa507cbab88bf4b8eec0324364fc57b5a6', 1, 'model-abab', 'transpose', 'folk', 3, '{"clips":64}', '{"clips":64,"masked at +1":3}', 1, '1.0', '2025-01-05T03:04:05.000678+00:00', '2025-01-05T03:05:05.000678+00:00');
INSERT INTO public.run VALUES (4, '16f676f00a5672eb', '93e5875ee96d86f7efb22520dc0b909ed06dc32431139b5cc8a3888678e64bdd', 2, 'model-cdcd', 'transpose', 'folk', 4, '{"clips":64}', '{"clips":64,"masked at +1":3}', 1, '1.0', '2025-01-06T03:04:05.000678+00:00', '2025-01-06T03:05:05.000678+00:00');
INSERT INTO public.run VALUES (5, '5926ba686600773a', '21adbe0a3e2ac0e910bb61035830c0efd591b7d98788dc3123a59827a25e856c', 1, 'model-abab', 'transpose', 'folk', 5, '{"clips":64}', '{"clips":64,"masked at +1":3}', NULL, '1.0', '2025-01-07T03:04:05.000678+00:00', '2025-01-07T03:05:05.000678+00:00');


--
-- Name: knob_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.knob_id_seq', 10, true);


--
-- Name: model_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.model_id_seq', 2, true);


--
-- Name: run_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.run_id_seq', 5, true);


--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);


--
-- Name: current pk_current; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.current
    ADD CONSTRAINT pk_current PRIMARY KEY (model_id, name);


--
-- Name: knob pk_knob; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.knob
    ADD CONSTRAINT pk_knob PRIMARY KEY (id);


--
-- Name: knob_amount pk_knob_amount; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.knob_amount
    ADD CONSTRAINT pk_knob_amount PRIMARY KEY (knob_id, split, amount);


--
-- Name: knob_block pk_knob_block; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.knob_block
    ADD CONSTRAINT pk_knob_block PRIMARY KEY (knob_id, "position");


--
-- Name: knob_criterion pk_knob_criterion; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.knob_criterion
    ADD CONSTRAINT pk_knob_criterion PRIMARY KEY (knob_id, criterion, "position");


--
-- Name: knob_dimension pk_knob_dimension; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.knob_dimension
    ADD CONSTRAINT pk_knob_dimension PRIMARY KEY (knob_id, dim);


--
-- Name: knob_effect pk_knob_effect; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.knob_effect
    ADD CONSTRAINT pk_knob_effect PRIMARY KEY (knob_id, attribute);


--
-- Name: knob_note pk_knob_note; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.knob_note
    ADD CONSTRAINT pk_knob_note PRIMARY KEY (knob_id);


--
-- Name: knob_response pk_knob_response; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.knob_response
    ADD CONSTRAINT pk_knob_response PRIMARY KEY (knob_id);


--
-- Name: knob_tag pk_knob_tag; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.knob_tag
    ADD CONSTRAINT pk_knob_tag PRIMARY KEY (knob_id, tag);


--
-- Name: model pk_model; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.model
    ADD CONSTRAINT pk_model PRIMARY KEY (id);


--
-- Name: operator_array pk_operator_array; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.operator_array
    ADD CONSTRAINT pk_operator_array PRIMARY KEY (knob_id, name);


--
-- Name: registry pk_registry; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.registry
    ADD CONSTRAINT pk_registry PRIMARY KEY (id);


--
-- Name: run pk_run; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.run
    ADD CONSTRAINT pk_run PRIMARY KEY (id);


--
-- Name: current uq_current_knob_id; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.current
    ADD CONSTRAINT uq_current_knob_id UNIQUE (knob_id);


--
-- Name: knob uq_knob_run_id_name_kind_fit; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.knob
    ADD CONSTRAINT uq_knob_run_id_name_kind_fit UNIQUE (run_id, name, kind, fit);


--
-- Name: model uq_model_sha256; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.model
    ADD CONSTRAINT uq_model_sha256 UNIQUE (sha256);


--
-- Name: run uq_run_identity_result_sha256; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.run
    ADD CONSTRAINT uq_run_identity_result_sha256 UNIQUE (identity, result_sha256);


--
-- Name: ix_current_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_current_name ON public.current USING btree (name);


--
-- Name: ix_knob_dimension_dim_share; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_knob_dimension_dim_share ON public.knob_dimension USING btree (dim, share);


--
-- Name: ix_knob_effect_attribute_effect; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_knob_effect_attribute_effect ON public.knob_effect USING btree (attribute, effect);


--
-- Name: ix_knob_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_knob_name ON public.knob USING btree (name);


--
-- Name: ix_knob_tag_tag; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_knob_tag_tag ON public.knob_tag USING btree (tag);


--
-- Name: ix_knob_verdict; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_knob_verdict ON public.knob USING btree (verdict);


--
-- Name: ix_run_augmentation; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_run_augmentation ON public.run USING btree (augmentation);


--
-- Name: ix_run_finished; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_run_finished ON public.run USING btree (finished);


--
-- Name: ix_run_model_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_run_model_id ON public.run USING btree (model_id);


--
-- Name: current fk_current_knob_id_knob; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.current
    ADD CONSTRAINT fk_current_knob_id_knob FOREIGN KEY (knob_id) REFERENCES public.knob(id) ON DELETE CASCADE;


--
-- Name: current fk_current_model_id_model; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.current
    ADD CONSTRAINT fk_current_model_id_model FOREIGN KEY (model_id) REFERENCES public.model(id) ON DELETE CASCADE;


--
-- Name: knob_amount fk_knob_amount_knob_id_knob; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.knob_amount
    ADD CONSTRAINT fk_knob_amount_knob_id_knob FOREIGN KEY (knob_id) REFERENCES public.knob(id) ON DELETE CASCADE;


--
-- Name: knob_block fk_knob_block_knob_id_knob; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.knob_block
    ADD CONSTRAINT fk_knob_block_knob_id_knob FOREIGN KEY (knob_id) REFERENCES public.knob(id) ON DELETE CASCADE;


--
-- Name: knob_criterion fk_knob_criterion_knob_id_knob; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.knob_criterion
    ADD CONSTRAINT fk_knob_criterion_knob_id_knob FOREIGN KEY (knob_id) REFERENCES public.knob(id) ON DELETE CASCADE;


--
-- Name: knob_dimension fk_knob_dimension_knob_id_knob; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.knob_dimension
    ADD CONSTRAINT fk_knob_dimension_knob_id_knob FOREIGN KEY (knob_id) REFERENCES public.knob(id) ON DELETE CASCADE;


--
-- Name: knob_effect fk_knob_effect_knob_id_knob; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.knob_effect
    ADD CONSTRAINT fk_knob_effect_knob_id_knob FOREIGN KEY (knob_id) REFERENCES public.knob(id) ON DELETE CASCADE;


--
-- Name: knob_note fk_knob_note_knob_id_knob; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.knob_note
    ADD CONSTRAINT fk_knob_note_knob_id_knob FOREIGN KEY (knob_id) REFERENCES public.knob(id) ON DELETE CASCADE;


--
-- Name: knob_response fk_knob_response_knob_id_knob; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.knob_response
    ADD CONSTRAINT fk_knob_response_knob_id_knob FOREIGN KEY (knob_id) REFERENCES public.knob(id) ON DELETE CASCADE;


--
-- Name: knob fk_knob_run_id_run; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.knob
    ADD CONSTRAINT fk_knob_run_id_run FOREIGN KEY (run_id) REFERENCES public.run(id) ON DELETE CASCADE;


--
-- Name: knob_tag fk_knob_tag_knob_id_knob; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.knob_tag
    ADD CONSTRAINT fk_knob_tag_knob_id_knob FOREIGN KEY (knob_id) REFERENCES public.knob(id) ON DELETE CASCADE;


--
-- Name: operator_array fk_operator_array_knob_id_knob; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.operator_array
    ADD CONSTRAINT fk_operator_array_knob_id_knob FOREIGN KEY (knob_id) REFERENCES public.knob(id) ON DELETE CASCADE;


--
-- Name: run fk_run_model_id_model; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.run
    ADD CONSTRAINT fk_run_model_id_model FOREIGN KEY (model_id) REFERENCES public.model(id);


--
-- PostgreSQL database dump complete
--



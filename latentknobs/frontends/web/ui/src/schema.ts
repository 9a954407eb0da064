// The types of the server's API, version 1: made by npm run types, not by hand.

export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * AccompanimentFacts
         * @description What sounds beside the melody in the file.
         */
        readonly AccompanimentFacts: {
            /**
             * Timbre
             * @description The melody's; empty where none is known.
             */
            readonly timbre: string;
            /**
             * Timbres
             * @description Names; drums stands for the kit.
             */
            readonly timbres: readonly string[];
            /**
             * Sounds
             * @description [start, pitch or drum, length, place in timbres, gain against the melody's], in steps, by start.
             */
            readonly sounds: readonly (readonly [
                number,
                number,
                number,
                number,
                number
            ])[];
        };
        /**
         * Card
         * @description The evidence for a knob, in numbers and sentences.
         */
        readonly Card: {
            /** Effects */
            readonly effects: readonly components["schemas"]["CardEffect"][];
            /** Criteria */
            readonly criteria: readonly components["schemas"]["CardCriterion"][];
            /** Text */
            readonly text: readonly string[];
        };
        /**
         * CardCriterion
         * @description An acceptance criterion, what was measured, and the limit; null = not measured.
         */
        readonly CardCriterion: {
            /** Criterion */
            readonly criterion: string;
            /** Value */
            readonly value: number | null;
            /** Limit */
            readonly limit: number | null;
            /** Passed */
            readonly passed: boolean;
        };
        /**
         * CardEffect
         * @description What the knob does to an attribute.
         */
        readonly CardEffect: {
            /** Attribute */
            readonly attribute: string;
            /**
             * Slope
             * @description Mean change per unit of the amount.
             */
            readonly slope: number;
            /**
             * Effect
             * @description Largest mean change at the ends, in standard deviations over the corpus.
             */
            readonly effect: number;
            /**
             * Role
             * @description target, changes, preserved, or nothing: what the edit says of it.
             * @enum {string}
             */
            readonly role: "target" | "changes" | "preserved" | "";
        };
        /**
         * Cell
         * @description One piece of a grid.
         */
        readonly Cell: {
            /**
             * At
             * @description How far down and how far across, 0 to 1.
             */
            readonly at: readonly [
                number,
                number
            ];
            /** Notes */
            readonly notes: readonly (readonly [
                number,
                number,
                number,
                number
            ])[];
            /** Clips */
            readonly clips: number;
            /** Steps */
            readonly steps: number;
            /**
             * Stretches
             * @description As of a piece; none = bars of the format of the request's model.
             */
            readonly stretches: readonly components["schemas"]["StretchMessage"][];
        };
        /**
         * Confidence
         * @description How far to trust a knob.
         */
        readonly Confidence: {
            /**
             * Level
             * @enum {string}
             */
            readonly level: "high" | "medium" | "low";
            /** Text */
            readonly text: string;
        };
        /**
         * Counts
         * @description How the clips of a piece were turned; silent ones are not counted.
         */
        readonly Counts: {
            /** By Model */
            readonly by_model: number;
            /**
             * Octave Shifted
             * @description Those of them that were octaves away for the model.
             */
            readonly octave_shifted: number;
            /** By Rule */
            readonly by_rule: number;
            /** Left Alone */
            readonly left_alone: number;
            /**
             * Reconstructed
             * @description Share of the steps in the models' formats that they reconstruct, 0 to 1.
             */
            readonly reconstructed: number;
        };
        /**
         * CriterionPoint
         * @description A criterion at an amount; null = of the whole range.
         */
        readonly CriterionPoint: {
            /** Amount */
            readonly amount: number | null;
            /** Value */
            readonly value: number | null;
            /** Low */
            readonly low: number | null;
            /** High */
            readonly high: number | null;
            /** Passed */
            readonly passed: boolean;
        };
        /**
         * CriterionSeries
         * @description One criterion at all amounts.
         */
        readonly CriterionSeries: {
            /**
             * Criterion
             * @description Its name, without the amount.
             */
            readonly criterion: string;
            /**
             * Validation
             * @description Whether it ended the usable range, on validation songs.
             */
            readonly validation: boolean;
            /** Bound */
            readonly bound: number;
            /**
             * At Least
             * @description Whether the bound is the least that is accepted, not the most.
             */
            readonly at_least: boolean;
            /** Points */
            readonly points: readonly components["schemas"]["CriterionPoint"][];
        };
        /**
         * CurvePoint
         * @description The mean change of the target at an amount.
         */
        readonly CurvePoint: {
            /** Value */
            readonly value: number;
            /** Low */
            readonly low: number;
            /** High */
            readonly high: number;
            /** Amount */
            readonly amount: number;
        };
        /**
         * Curves
         * @description How far the edit moves each latent dimension on average.
         */
        readonly Curves: {
            /**
             * Amounts
             * @description The measured amounts.
             */
            readonly amounts: readonly number[];
            /**
             * Amount
             * @description The amount that the values below belong to.
             */
            readonly amount: number | null;
            /**
             * Mean Change
             * @description One value for each dimension.
             */
            readonly mean_change: readonly number[];
            /**
             * Sorted
             * @description Their absolute values, the largest first.
             */
            readonly sorted: readonly number[];
        };
        /**
         * DrawnSource
         * @description A piece that a person drew or played.
         */
        readonly DrawnSource: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            readonly kind: "drawn";
        };
        /**
         * ErrorDetail
         * @description What went wrong.
         */
        readonly ErrorDetail: {
            /** Code */
            readonly code: string;
            /**
             * Message
             * @description What, where, and what to do next.
             */
            readonly message: string;
            /**
             * Tracks
             * @description The tracks of a MIDI file, to choose one from.
             */
            readonly tracks?: readonly components["schemas"]["Track"][] | null;
        };
        /**
         * ErrorResponse
         * @description The answer to a request that failed.
         */
        readonly ErrorResponse: {
            readonly error: components["schemas"]["ErrorDetail"];
        };
        /**
         * Example
         * @description A piece that ships with the package.
         */
        readonly Example: {
            /** Name */
            readonly name: string;
            /** Title */
            readonly title: string;
            /**
             * Style
             * @description What kind of music it is, in a word or two.
             */
            readonly style: string;
            /**
             * About
             * @description Where it comes from, one sentence.
             */
            readonly about: string;
            /** Signature */
            readonly signature: string;
            /** Bars */
            readonly bars: number;
        };
        /**
         * ExampleSource
         * @description A piece that ships with the package.
         */
        readonly ExampleSource: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            readonly kind: "example";
            /** Name */
            readonly name: string;
        };
        /**
         * ExportRequest
         * @description A state to export as a file.
         */
        readonly ExportRequest: {
            readonly state: components["schemas"]["State"];
            /**
             * As
             * @default midi
             * @enum {string}
             */
            readonly as: "midi" | "musicxml" | "wav";
            /**
             * File
             * @description The file that the piece came from, in base64, to be given back with other notes.
             */
            readonly file?: string | null;
        };
        /**
         * File
         * @description A file that a command needs.
         */
        readonly File: {
            /** Name */
            readonly name: string;
            /** Base64 */
            readonly base64: string;
        };
        /**
         * FormatFacts
         * @description A clip format.
         */
        readonly FormatFacts: {
            /** Name */
            readonly name: string;
            /** Steps */
            readonly steps: number;
            /**
             * Steps Per Beat
             * @description Steps of a quarter note.
             */
            readonly steps_per_beat: number;
            /**
             * Beats Per Bar
             * @description Quarter notes of a bar.
             */
            readonly beats_per_bar: number;
            /**
             * Beats
             * @description Of its time signature.
             */
            readonly beats: number;
            /**
             * Unit
             * @description Of its time signature: a note of 1/unit is a beat.
             */
            readonly unit: number;
            /** Drums */
            readonly drums: readonly string[] | null;
        };
        /**
         * GridRequest
         * @description A two-way interpolation: the steered piece of a top left, that of b bottom right.
         */
        readonly GridRequest: {
            readonly a: components["schemas"]["State"];
            readonly b: components["schemas"]["State"];
            /**
             * Size
             * @default 5
             */
            readonly size: number;
            /** Rows */
            readonly rows: string;
            /** Columns */
            readonly columns: string;
            /**
             * Rest
             * @default mean
             * @enum {string}
             */
            readonly rest: "mean" | "source" | "rows" | "columns";
        };
        /**
         * GridResponse
         * @description The pieces of a two-way interpolation, row by row from the top.
         */
        readonly GridResponse: {
            /** Cells */
            readonly cells: readonly (readonly components["schemas"]["Cell"][])[];
        };
        /**
         * Info
         * @description Version, models, limits and examples of the server.
         */
        readonly Info: {
            /** Api */
            readonly api: number;
            /** Version */
            readonly version: string;
            /** Models */
            readonly models: readonly components["schemas"]["ModelFacts"][];
            /**
             * Model
             * @description The default model.
             */
            readonly model: string;
            readonly limits: components["schemas"]["Limits"];
            /** Examples */
            readonly examples: readonly components["schemas"]["Example"][];
        };
        /**
         * KnobCard
         * @description A knob with its card and curves.
         */
        readonly KnobCard: {
            /** Name */
            readonly name: string;
            /** Model Id */
            readonly model_id: string;
            /** Label */
            readonly label: string;
            /** Augmentation */
            readonly augmentation: string | null;
            /** Target */
            readonly target: string | null;
            /** Unit */
            readonly unit: string;
            /** Low */
            readonly low: number;
            /** High */
            readonly high: number;
            /** Step */
            readonly step: number | null;
            /** Kind */
            readonly kind: string;
            /** Fit */
            readonly fit: string;
            /**
             * Verdict
             * @enum {string}
             */
            readonly verdict: "accepted" | "rejected" | "provisional" | "not measurable";
            /** Reason */
            readonly reason: string;
            /** Dimensions */
            readonly dimensions: readonly components["schemas"]["Share"][];
            /** Reserved */
            readonly reserved: boolean;
            readonly confidence: components["schemas"]["Confidence"];
            readonly says: components["schemas"]["Says"] | null;
            readonly card: components["schemas"]["Card"];
            readonly curves: components["schemas"]["Curves"];
        };
        /**
         * KnobFacts
         * @description A knob, or one of the controls random and others.
         */
        readonly KnobFacts: {
            /** Name */
            readonly name: string;
            /** Model Id */
            readonly model_id: string;
            /** Label */
            readonly label: string;
            /** Augmentation */
            readonly augmentation: string | null;
            /** Target */
            readonly target: string | null;
            /** Unit */
            readonly unit: string;
            /** Low */
            readonly low: number;
            /** High */
            readonly high: number;
            /** Step */
            readonly step: number | null;
            /** Kind */
            readonly kind: string;
            /** Fit */
            readonly fit: string;
            /**
             * Verdict
             * @enum {string}
             */
            readonly verdict: "accepted" | "rejected" | "provisional" | "not measurable";
            /** Reason */
            readonly reason: string;
            /** Dimensions */
            readonly dimensions: readonly components["schemas"]["Share"][];
            /** Reserved */
            readonly reserved: boolean;
            readonly confidence: components["schemas"]["Confidence"];
            readonly says: components["schemas"]["Says"] | null;
        };
        /**
         * KnobTable
         * @description A page of a table of knobs.
         */
        readonly KnobTable: {
            /** Total */
            readonly total: number;
            /** Start */
            readonly start: number;
            /** Knobs */
            readonly knobs: readonly components["schemas"]["RegistryKnob"][];
            /** Damaged */
            readonly damaged: readonly string[];
            readonly seen: components["schemas"]["Snippets"];
        };
        /**
         * KnobTurns
         * @description Amounts of knobs ("pitch", or "pitch@5-8" for bars); controls are drawn by ``seed``, scaled like ``like``.
         */
        readonly KnobTurns: {
            /**
             * Knobs
             * @default {}
             */
            readonly knobs: {
                readonly [key: string]: number;
            };
            /**
             * Seed
             * @default 0
             */
            readonly seed: number;
            /** Like */
            readonly like?: string | null;
        };
        /**
         * Limits
         * @description The largest accepted values.
         */
        readonly Limits: {
            /**
             * Bytes
             * @description Bytes of a request's body or of a frame.
             */
            readonly bytes: number;
            /**
             * Clips
             * @description Clips of a piece.
             */
            readonly clips: number;
            /**
             * Notes
             * @description Notes of a piece.
             */
            readonly notes: number;
            /**
             * Knobs
             * @description Knobs turned at once.
             */
            readonly knobs: number;
            /**
             * Grid
             * @description Rows and columns of a grid.
             */
            readonly grid: number;
        };
        /**
         * Measured
         * @description A value with its 95 % confidence interval.
         */
        readonly Measured: {
            /** Value */
            readonly value: number;
            /** Low */
            readonly low: number;
            /** High */
            readonly high: number;
        };
        /**
         * MidiSource
         * @description A file of MIDI or notation.
         */
        readonly MidiSource: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            readonly kind: "midi";
            /** File */
            readonly file: string;
            /** Sha256 */
            readonly sha256: string;
            /**
             * @default {
             *       "policy": "auto",
             *       "offset": 0,
             *       "bars": "",
             *       "time_signature": "",
             *       "quantize": false
             *     }
             */
            readonly options: components["schemas"]["ReadOptions"];
        };
        /**
         * ModelFacts
         * @description A model that clients can use by name.
         */
        readonly ModelFacts: {
            /** Name */
            readonly name: string;
            /** Model Id */
            readonly model_id: string;
            /** Latent Size */
            readonly latent_size: number;
            readonly format: components["schemas"]["FormatFacts"];
            /** Pitch Range */
            readonly pitch_range: readonly [
                number,
                number
            ] | null;
        };
        /**
         * OpenRequest
         * @description A piece to open with a model.
         */
        readonly OpenRequest: {
            readonly piece: components["schemas"]["PieceMessage"];
        };
        /**
         * Opened
         * @description A piece as the model encodes and decodes it.
         */
        readonly Opened: {
            /**
             * Models
             * @description The models that steer it, one for each clip format that it has.
             */
            readonly models: readonly string[];
            /**
             * Knobs
             * @description Their knobs in the range that all have; null where it is the model of the request alone.
             */
            readonly knobs: readonly components["schemas"]["KnobFacts"][] | null;
            /** Windows */
            readonly windows: readonly components["schemas"]["Window"][];
            /** Remarks */
            readonly remarks: readonly string[];
            readonly style: components["schemas"]["StyleFacts"];
            /**
             * Accuracy
             * @description Share of the steps that the model reconstructs, 0 to 1.
             */
            readonly accuracy: number;
            /**
             * Notes
             * @description The reconstruction, without any knob turned.
             */
            readonly notes: readonly (readonly [
                number,
                number,
                number,
                number
            ])[];
            /**
             * Steps
             * @description Length of the piece, without stretches padded to whole clips.
             */
            readonly steps: number;
            /**
             * Codes
             * @description Of the first model.
             */
            readonly codes: readonly (readonly number[])[];
            /**
             * Differing
             * @description For each clip of the models' formats, how many steps they get wrong.
             */
            readonly differing: readonly number[];
        };
        /**
         * OpenedProject
         * @description What a project file holds.
         */
        readonly OpenedProject: {
            /** Model */
            readonly model: string;
            readonly piece: components["schemas"]["PieceMessage"];
            readonly settings: components["schemas"]["KnobTurns"];
            /** Snapshots */
            readonly snapshots: {
                readonly [key: string]: components["schemas"]["KnobTurns"];
            };
            /** Tempo */
            readonly tempo: number;
            /** Loop */
            readonly loop: boolean;
            /**
             * Loop Bars
             * @description The bars that are played, as 5-8; empty = all.
             */
            readonly loop_bars: string;
            /**
             * File
             * @description The file that the piece came from, in base64.
             */
            readonly file: string | null;
            readonly accompaniment: components["schemas"]["AccompanimentFacts"];
            /**
             * Shared
             * @description Whether it was opened in the shared session, for all.
             */
            readonly shared: boolean;
        };
        /**
         * PieceMessage
         * @description A piece: notes on the grid of the model's format.
         */
        readonly PieceMessage: {
            /**
             * Name
             * @default piece
             */
            readonly name: string;
            /**
             * Tempo
             * @default 120
             */
            readonly tempo: number;
            /** Steps */
            readonly steps: number;
            /** Notes */
            readonly notes: readonly (readonly [
                number,
                number,
                number,
                number
            ])[];
            /**
             * Source
             * @default {
             *       "kind": "drawn"
             *     }
             */
            readonly source: components["schemas"]["ExampleSource"] | components["schemas"]["MidiSource"] | components["schemas"]["DrawnSource"];
            /**
             * Stretches
             * @description Its parts, without gaps; none = bars of the format, and silence up to whole clips.
             * @default []
             */
            readonly stretches: readonly components["schemas"]["StretchMessage"][];
            /**
             * By Model
             * @description Whether the model turns clips outside its style too.
             * @default false
             */
            readonly by_model: boolean;
        };
        /**
         * ProjectRequest
         * @description A state to save as a project file.
         */
        readonly ProjectRequest: {
            readonly state: components["schemas"]["State"];
            /**
             * Snapshots
             * @default {}
             */
            readonly snapshots: {
                readonly [key: string]: components["schemas"]["KnobTurns"];
            };
            /**
             * Loop
             * @default true
             */
            readonly loop: boolean;
            /**
             * Loop Bars
             * @description The bars that are played, as 5-8; empty = all.
             * @default
             */
            readonly loop_bars: string;
            /**
             * File
             * @description The file that the piece came from, in base64.
             */
            readonly file?: string | null;
        };
        /**
         * ReadOptions
         * @description How a MIDI file was read.
         */
        readonly ReadOptions: {
            /**
             * Policy
             * @default auto
             * @enum {string}
             */
            readonly policy: "auto" | "error" | "highest-onset" | "skyline";
            /** Track */
            readonly track?: string | null;
            /**
             * Offset
             * @default 0
             */
            readonly offset: number;
            /**
             * Bars
             * @default
             */
            readonly bars: string;
            /**
             * Time Signature
             * @default
             */
            readonly time_signature: string;
            /**
             * Quantize
             * @default false
             */
            readonly quantize: boolean;
        };
        /**
         * ReadResponse
         * @description A file as a piece.
         */
        readonly ReadResponse: {
            readonly piece: components["schemas"]["PieceMessage"];
            /** Windows */
            readonly windows: readonly components["schemas"]["Window"][];
            /**
             * Note
             * @description What was chosen because nobody had; it is in the piece's options. Empty for nothing.
             */
            readonly note: string;
            /** Remarks */
            readonly remarks: readonly string[];
            /** Tracks */
            readonly tracks: readonly components["schemas"]["Track"][];
            readonly accompaniment: components["schemas"]["AccompanimentFacts"];
        };
        /**
         * Recipe
         * @description A command and Python code that reproduce the notes on the screen.
         */
        readonly Recipe: {
            /** Command */
            readonly command: string;
            /** Python */
            readonly python: string;
            /** Files */
            readonly files: readonly components["schemas"]["File"][];
            /** Remarks */
            readonly remarks: readonly string[];
        };
        /**
         * RecipeRequest
         * @description The state or the grid to reproduce.
         */
        readonly RecipeRequest: {
            readonly state?: components["schemas"]["State"] | null;
            readonly grid?: components["schemas"]["GridRequest"] | null;
            /**
             * File
             * @description The file that the state's piece came from, in base64.
             */
            readonly file?: string | null;
        };
        /**
         * RegistryCard
         * @description A knob of the registry with what was measured of it.
         */
        readonly RegistryCard: {
            readonly knob: components["schemas"]["RegistryKnob"];
            readonly run: components["schemas"]["RegistryRun"] | null;
            /** Text */
            readonly text: readonly string[];
            readonly curve: components["schemas"]["ResponseCurve"] | null;
            /** Criteria */
            readonly criteria: readonly components["schemas"]["CriterionSeries"][];
            /** Selected */
            readonly selected: readonly components["schemas"]["Share"][];
            /**
             * Shares
             * @description Of every latent dimension, where it was measured.
             */
            readonly shares: readonly number[];
            /** Effects */
            readonly effects: readonly components["schemas"]["RegistryEffect"][];
            /**
             * Fits
             * @description All knobs of that name in its run.
             */
            readonly fits: readonly components["schemas"]["RegistryKnob"][];
            readonly seen: components["schemas"]["Snippets"];
        };
        /**
         * RegistryEffect
         * @description What a knob does to an attribute.
         */
        readonly RegistryEffect: {
            /** Attribute */
            readonly attribute: string;
            /** Slope */
            readonly slope: number;
            /**
             * Effect
             * @description Absolute mean change at an end of the usable range, in standard deviations.
             */
            readonly effect: number;
            /** Target */
            readonly target: boolean;
        };
        /**
         * RegistryKnob
         * @description A knob of the registry as a table shows it.
         */
        readonly RegistryKnob: {
            /**
             * Id
             * @description NAME@RUN/FIT, as commands and Workbench.knob take it.
             */
            readonly id: string;
            /** Name */
            readonly name: string;
            /** Model */
            readonly model: string;
            /** Model Id */
            readonly model_id: string;
            /** Run */
            readonly run: string;
            /** Augmentation */
            readonly augmentation: string | null;
            /** Kind */
            readonly kind: string;
            /** Fit */
            readonly fit: string;
            /**
             * Verdict
             * @enum {string}
             */
            readonly verdict: "accepted" | "rejected" | "provisional" | "not measurable";
            /** Unit */
            readonly unit: string;
            /** Step */
            readonly step: number | null;
            /** Low */
            readonly low: number;
            /** High */
            readonly high: number;
            /** Dimensions */
            readonly dimensions: number;
            /**
             * Attribute
             * @description The attribute that it moves most.
             */
            readonly attribute: string | null;
            /**
             * Effect
             * @description By how much, in standard deviations over the corpus.
             */
            readonly effect: number | null;
            /** Tags */
            readonly tags: readonly string[];
            /** Note */
            readonly note: string;
            /** Found */
            readonly found: string | null;
            /**
             * Current
             * @description Whether (model, name) means it.
             */
            readonly current: boolean;
        };
        /**
         * RegistryRun
         * @description A run of the registry as a table shows it.
         */
        readonly RegistryRun: {
            /** Run */
            readonly run: string;
            /** Model */
            readonly model: string;
            /** Model Id */
            readonly model_id: string;
            /** Augmentation */
            readonly augmentation: string | null;
            /** Corpus */
            readonly corpus: string;
            /** Seed */
            readonly seed: number;
            /** Version */
            readonly version: string;
            /** Started */
            readonly started: string;
            /** Finished */
            readonly finished: string;
            /** Knobs */
            readonly knobs: number;
            /** Accepted */
            readonly accepted: number;
        };
        /**
         * RegistryValues
         * @description What the knobs of the registry have, to choose filters from.
         */
        readonly RegistryValues: {
            /** Models */
            readonly models: readonly string[];
            /** Augmentations */
            readonly augmentations: readonly string[];
            /** Attributes */
            readonly attributes: readonly string[];
            /** Corpora */
            readonly corpora: readonly string[];
            /** Tags */
            readonly tags: readonly string[];
            /**
             * Plugins
             * @description NAME, and NAME@VERSION.
             */
            readonly plugins: readonly string[];
        };
        /**
         * ResponseCurve
         * @description How the target answers the amount, on test songs.
         */
        readonly ResponseCurve: {
            /** Attribute */
            readonly attribute: string;
            /** Points */
            readonly points: readonly components["schemas"]["CurvePoint"][];
            readonly slope: components["schemas"]["Measured"] | null;
            readonly r2: components["schemas"]["Measured"] | null;
            /** Clips */
            readonly clips: number | null;
        };
        /**
         * RunCard
         * @description A run with its settings and counts.
         */
        readonly RunCard: {
            readonly run: components["schemas"]["RegistryRun"];
            /**
             * Parameters
             * @description Each as JSON.
             */
            readonly parameters: {
                readonly [key: string]: string;
            };
            /** Counts */
            readonly counts: {
                readonly [key: string]: number;
            };
            /** Knobs */
            readonly knobs: readonly components["schemas"]["RegistryKnob"][];
            readonly seen: components["schemas"]["Snippets"];
        };
        /**
         * RunTable
         * @description A page of a table of runs.
         */
        readonly RunTable: {
            /** Total */
            readonly total: number;
            /** Start */
            readonly start: number;
            /** Runs */
            readonly runs: readonly components["schemas"]["RegistryRun"][];
            readonly seen: components["schemas"]["Snippets"];
        };
        /**
         * Says
         * @description Words for the two directions of a knob.
         */
        readonly Says: {
            /** Down */
            readonly down: string;
            /** Up */
            readonly up: string;
        };
        /**
         * Share
         * @description A selected dimension and its share of the moved energy.
         */
        readonly Share: {
            /** Dim */
            readonly dim: number;
            /** Share */
            readonly share: number;
        };
        /**
         * Snippets
         * @description The same in SQL, on the command line and in Python, to copy.
         */
        readonly Snippets: {
            /** Sql */
            readonly sql: string;
            /** Command */
            readonly command: string;
            /** Python */
            readonly python: string;
            /** Remarks */
            readonly remarks: readonly string[];
        };
        /**
         * State
         * @description A piece with its knob settings: this determines the notes.
         */
        readonly State: {
            /**
             * Knobs
             * @default {}
             */
            readonly knobs: {
                readonly [key: string]: number;
            };
            /**
             * Seed
             * @default 0
             */
            readonly seed: number;
            /** Like */
            readonly like?: string | null;
            readonly piece: components["schemas"]["PieceMessage"];
        };
        /**
         * StretchMessage
         * @description Consecutive bars in one time signature: a note of 1/unit is a beat.
         */
        readonly StretchMessage: {
            /** Start */
            readonly start: number;
            /** Steps */
            readonly steps: number;
            /** Beats */
            readonly beats: number;
            /** Unit */
            readonly unit: number;
            /**
             * Bar
             * @description Number of its first bar in the file.
             * @default 1
             */
            readonly bar: number;
        };
        /**
         * StyleFacts
         * @description How far a piece is from what the model knows; of its clips of the model's format that have notes.
         */
        readonly StyleFacts: {
            /**
             * Summary
             * @description All of it as one line.
             */
            readonly summary: string;
            /** Clips */
            readonly clips: number;
            /**
             * Exact
             * @description How many of them come back exactly.
             */
            readonly exact: number;
            /**
             * Nats
             * @description Median of their negative evidence lower bounds; null where the model has no likelihood.
             */
            readonly nats: number | null;
            /**
             * Percentile
             * @description Median of Window.percentile; null where none is known.
             */
            readonly percentile: number | null;
        };
        /**
         * Track
         * @description A track with notes.
         */
        readonly Track: {
            /** Number */
            readonly number: number;
            /** Name */
            readonly name: string;
            /** Instrument */
            readonly instrument: string;
            /** Notes */
            readonly notes: number;
            /**
             * Low
             * @description Lowest pitch.
             */
            readonly low: number;
            /** High */
            readonly high: number;
            /**
             * Monophonic
             * @description Share of its sounding time with one note, 0 to 1.
             */
            readonly monophonic: number;
            /** Drums */
            readonly drums: boolean;
            /**
             * Likely
             * @description Whether it is the likeliest melody.
             */
            readonly likely: boolean;
        };
        /**
         * TurnResponse
         * @description The result of turning knobs.
         */
        readonly TurnResponse: {
            /** Notes */
            readonly notes: readonly (readonly [
                number,
                number,
                number,
                number
            ])[];
            /**
             * Changed
             * @description Indices of the notes that are not in the reconstruction.
             */
            readonly changed: readonly number[];
            /**
             * Codes
             * @description Of the first model.
             */
            readonly codes: readonly (readonly number[])[];
            /**
             * Touched
             * @description The latent dimensions that moved in them.
             */
            readonly touched: readonly number[];
            /** Remarks */
            readonly remarks: readonly string[];
            readonly counts: components["schemas"]["Counts"];
            /**
             * Left
             * @description Which bars are left as they are, and why.
             */
            readonly left: readonly string[];
            /**
             * Ways
             * @description How each window was turned: by the model, octaves away by it, by rule, left alone, or silent.
             */
            readonly ways: readonly ("model" | "octaves" | "rule" | "alone" | "silent")[];
            /**
             * Ms
             * @description Milliseconds from request to answer, on the server.
             */
            readonly ms: number;
            /**
             * Pending
             * @description Steps (first, after the last) whose notes are not there yet; another answer brings them.
             * @default []
             */
            readonly pending: readonly (readonly [
                number,
                number
            ])[];
        };
        /**
         * Window
         * @description One clip of a piece.
         */
        readonly Window: {
            /**
             * Start
             * @description Its first step.
             */
            readonly start: number;
            /** Steps */
            readonly steps: number;
            /**
             * Bars
             * @description First and last bar, as the file counts them.
             */
            readonly bars: readonly [
                number,
                number
            ];
            /**
             * Accepted
             * @description Whether the model takes it.
             */
            readonly accepted: boolean;
            /**
             * Way
             * @description How it is turned while no knob is: as TurnResponse.ways.
             * @enum {string}
             */
            readonly way: "model" | "octaves" | "rule" | "alone" | "silent";
            /**
             * Why
             * @description Why it is not turned by the model as it is; empty where it is.
             */
            readonly why: string;
            /**
             * Right
             * @description Share of its steps that the model reconstructs, 0 to 1; null for clips of another format.
             */
            readonly right: number | null;
            /**
             * Percentile
             * @description Percentage of the model's training clips that are at most as likely; null where that is not known.
             */
            readonly percentile: number | null;
            /**
             * Unfamiliar
             * @description Whether such music is strange to the model.
             */
            readonly unfamiliar: boolean;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;

// Runs a checkpoint with magenta's own package: node parity.js FOLDER PACKAGES [BATCH]
//
// FOLDER/checkpoint is the checkpoint, FOLDER/clips.json the notes of each clip ([onset, pitch, end], in steps) and
// FOLDER/z.bin codes, float32 (M, D). Written: events.bin, int32 (N, steps), the tokens that its converter makes of the
// notes; mean.bin, float32 (N, D); tokens.bin, int32 (M, steps), the greedy tokens at the codes; times.json, the seconds
// of encoding and of decoding each batch. If there is FOLDER/drawn.json ({temperature, tokens}), the codes are decoded
// at the temperature too, its tokens in the place of those that would be drawn; logits.bin, float32 (M, steps, V), is
// what they would be drawn from.
'use strict';
const fs = require('fs');
const http = require('http');
const path = require('path');
const {createRequire} = require('module');

const folder = path.resolve(process.argv[2]);
const installed = createRequire(path.join(process.argv[3], 'package.json'));
const tf = installed('@tensorflow/tfjs');
let multinomial = tf.multinomial;
require.cache[installed.resolve('@tensorflow/tfjs')].exports = {...tf, multinomial: (...args) => multinomial(...args)};
const {MusicVAE} = installed('@magenta/music/node/music_vae');
const BATCH = Number(process.argv[4] || 50);

const server = http.createServer((request, response) => {
  fs.readFile(path.join(folder, 'checkpoint', path.basename(request.url)), (error, data) => {
    response.writeHead(error ? 404 : 200);
    response.end(data);
  });
});

function sequence(notes, steps) {
  return {
    notes: notes.map(([onset, pitch, end]) => ({pitch, quantizedStartStep: onset, quantizedEndStep: end})),
    quantizationInfo: {stepsPerQuarter: 4},
    totalQuantizedSteps: steps,
  };
}

// What the encoder reads of a clip. For drums the last column says that a step is silent, in the network's training and
// here; magenta.js 1.23.1 writes it at column -1 of the step, which is the last one of the step before.
function inputsOf(clip, converter) {
  const read = converter.toTensor(clip);
  if (!converter.pitchClasses) return read;
  const hit = read.slice([0, 0], [-1, converter.pitchClasses.length]);
  return tf.concat([hit, tf.scalar(1, 'int32').sub(hit.max(1, true))], 1);
}

// Tokens of what the encoder reads: one-hot, or voices that are hit and a last column for silence.
function events(inputs, converter) {
  if (!converter.pitchClasses) return inputs.argMax(2);
  const voices = converter.pitchClasses.length;
  const powers = tf.tensor1d(Array.from({length: voices + 1}, (_, voice) => voice < voices ? 2 ** voice : 0));
  return inputs.toFloat().mul(powers).sum(2);
}

// The logits from which the tokens of each code would be drawn, with other tokens in their place.
async function drawnFrom(model, codes, {temperature, tokens}) {
  const steps = [];
  multinomial = (logits) => {
    steps.push(tf.keep(logits.clone()));
    return tf.tensor2d(tokens.map((row) => [row[steps.length - 1]]), [tokens.length, 1], 'int32');
  };
  await model.decodeTensors(tf.tensor2d(codes, [tokens.length, model.zDims]), temperature);
  return Buffer.from((await tf.stack(steps, 1).data()).slice().buffer);
}

async function main() {
  const model = new MusicVAE(`http://127.0.0.1:${server.address().port}`);
  await model.initialize();
  const clips = JSON.parse(fs.readFileSync(path.join(folder, 'clips.json')))
    .map((notes) => sequence(notes, model.dataConverter.numSteps));
  const tokensOf = [];
  const means = [];
  const times = {encode: [], decode: []};
  for (let start = 0; start < clips.length; start += BATCH) {
    const hot = clips.slice(start, start + BATCH).map((clip) => inputsOf(clip, model.dataConverter));
    const inputs = tf.stack(hot);
    tokensOf.push(Buffer.from(Int32Array.from(await events(inputs, model.dataConverter).data()).buffer));
    const began = performance.now();
    means.push(Buffer.from((await (await model.encodeTensors(inputs)).data()).slice().buffer));
    times.encode.push((performance.now() - began) / 1000);
  }
  const raw = fs.readFileSync(path.join(folder, 'z.bin'));
  const codes = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
  const tokens = [];
  for (let start = 0; start < codes.length; start += BATCH * model.zDims) {
    const z = codes.slice(start, start + BATCH * model.zDims);
    const began = performance.now();
    const found = await model.decodeTensors(tf.tensor2d(z, [z.length / model.zDims, model.zDims]));
    tokens.push(Buffer.from(Int32Array.from(await found.argMax(2).data()).buffer));
    times.decode.push((performance.now() - began) / 1000);
  }
  if (fs.existsSync(path.join(folder, 'drawn.json'))) {
    const drawn = JSON.parse(fs.readFileSync(path.join(folder, 'drawn.json')));
    fs.writeFileSync(path.join(folder, 'logits.bin'), await drawnFrom(model, codes, drawn));
  }
  fs.writeFileSync(path.join(folder, 'events.bin'), Buffer.concat(tokensOf));
  fs.writeFileSync(path.join(folder, 'mean.bin'), Buffer.concat(means));
  fs.writeFileSync(path.join(folder, 'tokens.bin'), Buffer.concat(tokens));
  fs.writeFileSync(path.join(folder, 'times.json'), JSON.stringify(times));
}

server.listen(0, '127.0.0.1', () => {
  main().then(() => server.close(), (error) => {
    console.error(error);
    process.exit(1);
  });
});

// Runs a checkpoint with magenta's own package: node parity.js FOLDER
//
// FOLDER/checkpoint is the checkpoint, FOLDER/clips.json the notes of each clip ([onset, pitch, end], in steps) and
// FOLDER/z.bin codes, float32 (M, D). Written: events.bin, int32 (N, 32), the tokens that its converter makes of the
// notes; mean.bin, float32 (N, D); tokens.bin, int32 (M, 32), the greedy tokens at the codes.
'use strict';
const fs = require('fs');
const http = require('http');
const path = require('path');
const {createRequire} = require('module');

const folder = path.resolve(process.argv[2]);
const installed = createRequire(path.join(process.argv[3], 'package.json'));
const {MusicVAE} = installed('@magenta/music/node/music_vae');
const tf = installed('@tensorflow/tfjs');
const BATCH = 50;

const server = http.createServer((request, response) => {
  fs.readFile(path.join(folder, 'checkpoint', path.basename(request.url)), (error, data) => {
    response.writeHead(error ? 404 : 200);
    response.end(data);
  });
});

function sequence(notes) {
  return {
    notes: notes.map(([onset, pitch, end]) => ({pitch, quantizedStartStep: onset, quantizedEndStep: end})),
    quantizationInfo: {stepsPerQuarter: 4},
    totalQuantizedSteps: 32,
  };
}

async function main() {
  const model = new MusicVAE(`http://127.0.0.1:${server.address().port}`);
  await model.initialize();
  const clips = JSON.parse(fs.readFileSync(path.join(folder, 'clips.json'))).map(sequence);
  const events = [];
  const means = [];
  for (let start = 0; start < clips.length; start += BATCH) {
    const hot = clips.slice(start, start + BATCH).map((clip) => model.dataConverter.toTensor(clip));
    const inputs = tf.stack(hot);
    events.push(Buffer.from(Int32Array.from(await inputs.argMax(2).data()).buffer));
    means.push(Buffer.from((await (await model.encodeTensors(inputs)).data()).slice().buffer));
  }
  const raw = fs.readFileSync(path.join(folder, 'z.bin'));
  const codes = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
  const tokens = [];
  for (let start = 0; start < codes.length; start += BATCH * model.zDims) {
    const z = codes.slice(start, start + BATCH * model.zDims);
    const found = await model.decodeTensors(tf.tensor2d(z, [z.length / model.zDims, model.zDims]));
    tokens.push(Buffer.from(Int32Array.from(await found.argMax(2).data()).buffer));
  }
  fs.writeFileSync(path.join(folder, 'events.bin'), Buffer.concat(events));
  fs.writeFileSync(path.join(folder, 'mean.bin'), Buffer.concat(means));
  fs.writeFileSync(path.join(folder, 'tokens.bin'), Buffer.concat(tokens));
}

server.listen(0, '127.0.0.1', () => {
  main().then(() => server.close(), (error) => {
    console.error(error);
    process.exit(1);
  });
});

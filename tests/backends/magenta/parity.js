// Runs a checkpoint with magenta's own package: node parity.js FOLDER PACKAGES [BATCH]
//
// FOLDER/checkpoint is the checkpoint, FOLDER/clips.json the notes of each clip ([onset, pitch, end], in steps) and
// FOLDER/z.bin codes, float32 (M, D). Written: events.bin, int32 (N, 32), the tokens that its converter makes of the
// notes; mean.bin, float32 (N, D); tokens.bin, int32 (M, 32), the greedy tokens at the codes; times.json, the seconds of
// encoding and of decoding each batch.
'use strict';
const fs = require('fs');
const http = require('http');
const path = require('path');
const {createRequire} = require('module');

const folder = path.resolve(process.argv[2]);
const installed = createRequire(path.join(process.argv[3], 'package.json'));
const {MusicVAE} = installed('@magenta/music/node/music_vae');
const tf = installed('@tensorflow/tfjs');
const BATCH = Number(process.argv[4] || 50);

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
  const times = {encode: [], decode: []};
  for (let start = 0; start < clips.length; start += BATCH) {
    const hot = clips.slice(start, start + BATCH).map((clip) => model.dataConverter.toTensor(clip));
    const inputs = tf.stack(hot);
    events.push(Buffer.from(Int32Array.from(await inputs.argMax(2).data()).buffer));
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
  fs.writeFileSync(path.join(folder, 'events.bin'), Buffer.concat(events));
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

interface Sample { round: number; ahead: number }

const KEPT = 16;

/** The server's clock, from answers that carry it: the one that was under way shortest says most. */
export class ServerClock {
  private samples: Sample[] = [];

  /** An answer with the server's seconds, and when it was asked for and heard, in milliseconds of this page. */
  heard(server: number, asked: number, heard: number): void {
    this.samples = [...this.samples, { round: heard - asked, ahead: server - (asked + heard) / 2000 }].slice(-KEPT);
  }

  /** Its seconds at a time of this page, in milliseconds; null before any answer. */
  at(now: number): number | null {
    const best = this.samples.reduce<Sample | null>((best, one) => (best && best.round <= one.round ? best : one), null);
    return best && now / 1000 + best.ahead;
  }
}

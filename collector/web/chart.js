// The course of one series: fetched once, then moved along by what arrives.

const KEEP = 100_000; // points
const LINE = { gauge: true, counter: true, sound_level: true, flags: true };

export class Chart {
  constructor(element) {
    this.element = element;
    this.series = null;
    this.points = []; // [at in ms, value, quality], by time
    this.plot = null;
    addEventListener("resize", () => this.plot?.setSize(this.size()));
  }

  async choose(series, span, speaker) {
    this.series = series;
    this.span = span;
    this.speaker = speaker;
    const asked = new URLSearchParams({ thing: series.thing, quantity: series.quantity, period: series.period, from: Date.now() - span });
    const answer = await fetch(`/api/series.csv?${asked}`);
    if (this.series !== series || !answer.ok) return;
    const rows = (await answer.text()).trim().split("\n").slice(1);
    this.points = rows.map((row) => row.split(",")).map(([, at, value, quality]) => [Number(at), LINE[series.kind] ? Number(value) : value, quality]);
    if (this.series !== series) return;
    this.draw();
  }

  add(one) {
    if (!this.series || one.thing !== this.series.thing || one.quantity !== this.series.quantity || one.period !== this.series.period) return false;
    const point = [one.at, one.value, one.quality];
    const last = this.points.at(-1);
    if (!last || last[0] < one.at) this.points.push(point);
    else {
      const place = this.points.findIndex((other) => other[0] >= one.at);
      this.points.splice(place, this.points[place][0] === one.at ? 1 : 0, point);
    }
    if (this.points.length > KEEP) this.points.shift();
    return true;
  }

  // Once per frame, however many observations came.
  refresh() {
    const from = Date.now() - this.span;
    while (this.points.length && this.points[0][0] < from) this.points.shift();
    if (this.plot) this.plot.setData(this.columns());
    else if (this.points.length) this.draw();
  }

  columns() {
    const codes = this.codes();
    return [this.points.map(([at]) => at / 1000), this.points.map(([, value]) => (codes ? codes.indexOf(value) : value))];
  }

  codes() {
    if (LINE[this.series.kind]) return null;
    return [...new Set([...(this.known ?? []), ...this.points.map(([, value]) => String(value))])].sort();
  }

  size() {
    return { width: this.element.clientWidth || 300, height: 260 };
  }

  draw() {
    this.plot?.destroy();
    this.plot = null;
    this.element.replaceChildren();
    if (!window.uPlot || this.series.kind === "position") {
      this.element.textContent = window.uPlot ? "" : this.speaker.say("no_chart");
      return;
    }
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--faint");
    const axis = { stroke: ink, grid: { stroke: style.getPropertyValue("--rule") }, ticks: { stroke: style.getPropertyValue("--rule") } };
    this.known = this.codes();
    const codes = this.known;
    const number = new Intl.NumberFormat(this.speaker.locale, { maximumFractionDigits: 6 });
    const clock = (options) => new Intl.DateTimeFormat(this.speaker.locale, { timeZone: "Europe/Ljubljana", ...options });
    const hours = clock({ hour: "2-digit", minute: "2-digit", second: this.span < 7.2e6 ? "2-digit" : undefined });
    this.plot = new window.uPlot({
      ...this.size(),
      legend: { show: false },
      cursor: { drag: { x: false, y: false } },
      axes: [
        { ...axis, values: (_, splits) => splits.map((at) => hours.format(at * 1000)), space: 90 },
        { ...axis, size: 80, splits: codes ? () => codes.map((_, place) => place) : undefined,
          values: (_, splits) => splits.map((value) => (codes ? this.speaker.word(codes[value] ?? "") : number.format(value))) },
      ],
      scales: { x: { time: true }, y: codes ? { range: [-0.5, Math.max(codes.length, 2) - 0.5] } : {} },
      series: [{}, { stroke: style.getPropertyValue("--sea"), width: 2, points: { show: this.points.length < 60, size: 5 },
        paths: codes || this.series.kind === "counter" ? window.uPlot.paths.stepped({ align: 1 }) : undefined }],
    }, this.columns(), this.element);
    this.element.querySelector("canvas")?.setAttribute("aria-hidden", "true"); // the table below says the same in words
  }
}

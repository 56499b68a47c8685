/** Prometheus' text format, read back and held to the naming rules that promtool checks. */

export interface MetricFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
}

export interface Exposition {
  readonly families: readonly MetricFamily[];
  /** Value by series, as written: `name{label="value"}`. */
  readonly series: ReadonlyMap<string, number>;
  readonly labelValues: ReadonlySet<string>;
}

export function readExposition(text: string): Exposition {
  const help = new Map(
    [...text.matchAll(/^# HELP (\S+) (.*)$/gm)].map(([, name = '', words = '']) => [name, words]),
  );
  const families = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => ({
    name,
    type,
    help: help.get(name) ?? '',
  }));
  const series = new Map<string, number>();
  const labelValues = new Set<string>();
  for (const line of text.split('\n').filter((each) => each !== '' && !each.startsWith('#'))) {
    const end = line.lastIndexOf(' ');
    series.set(line.slice(0, end), Number(line.slice(end + 1)));
    for (const [, value = ''] of line.matchAll(/[a-z_]+="((?:[^"\\]|\\.)*)"/g)) labelValues.add(value);
  }
  return { families, series, labelValues };
}

/** What is wrong with the names and texts of our own metrics, by https://prometheus.io/docs/practices/naming/. */
export function namingFaults({ families }: Exposition): readonly string[] {
  return families
    .filter(({ name }) => name.startsWith('tributary_'))
    .flatMap(({ name, type, help }) => [
      ...(/^[a-z][a-z0-9_]*$/.test(name) ? [] : [`${name}: snake_case`]),
      ...(help === '' ? [`${name}: no help`] : []),
      ...((type === 'counter') === name.endsWith('_total') ? [] : [`${name}: _total is for counters`]),
      ...(type === 'histogram' && !name.endsWith('_seconds') ? [`${name}: no base unit`] : []),
      ...(/_(?:ms|millis|milliseconds|minutes|percent|kb|mb)(?:_|$)/.test(name)
        ? [`${name}: no base unit`]
        : []),
      ...(/_(?:count|sum|bucket|info)$/.test(name) ? [`${name}: reserved ending`] : []),
    ]);
}

import { useEffect, useState } from 'react';
import { ago, dateTime } from '../lib/format';

// useNow returns the present time and renders anew every so many
// milliseconds; 0 stops the clock.
export function useNow(every: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!every) return;
    const t = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(t);
  }, [every]);
  return now;
}

// Ago shows how long ago something was, with the moment itself on hover.
export function Ago({ at, empty = 'Never' }: { at: string | undefined; empty?: string }) {
  const young = at !== undefined && Date.now() - Date.parse(at) < 60_000; // told in seconds
  const now = useNow(at ? (young ? 1000 : 10_000) : 0);
  if (!at) return <>{empty}</>;
  return (
    <time dateTime={at} title={dateTime(at)} className="cw-nowrap">
      {ago(at, Math.max(now, Date.now(), Date.parse(at)))}
    </time>
  );
}

export function Moment({ at }: { at: string | undefined }) {
  return at ? <time dateTime={at}>{dateTime(at)}</time> : <>–</>;
}

// Whether the server answers. A store of its own, outside React, because the
// API client reports to it.
type Listener = () => void;

let reachable = true;
const listeners = new Set<Listener>();

export const reach = {
  get: () => reachable,
  set(next: boolean) {
    if (next === reachable) return;
    reachable = next;
    for (const l of listeners) l();
  },
  subscribe: (l: Listener) => {
    listeners.add(l);
    return () => {
      listeners.delete(l);
    };
  },
};

import { useEffect, useState } from 'react';

// useReturnFocus gives the focus back, once a dialog goes away, to what had it
// when the dialog came: to the button of a menu if it was an item of that.
export function useReturnFocus() {
  const [opener] = useState(() => {
    const active = document.activeElement;
    const menu = active?.closest('[role=menu]')?.getAttribute('aria-labelledby');
    return menu ? document.getElementById(menu) : active;
  });
  useEffect(
    () => () => {
      setTimeout(() => {
        const lost = !document.activeElement || document.activeElement === document.body;
        if (lost && opener instanceof HTMLElement) opener.focus({ preventScroll: true });
      });
    },
    [opener],
  );
}

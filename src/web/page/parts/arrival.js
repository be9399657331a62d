// Whether anything was ever heard while this page is open. What has ended and is not stored yet is
// in no answer for a moment; the first-run view must not come back for it.

let isHeard = false;

/** Something was heard. */
export const heard = () => {
  isHeard = true;
};

/** Whether something was heard. */
export const wasHeard = () => isHeard;

/** A worker of the laboratory that receives nothing. */
setTimeout(() => {}, 60_000);

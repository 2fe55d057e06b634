; Doubles a unary number; every state but the first uses a rule for any state.
start 1 x R find
start _ * L clean
find 1 * R find
find y * R find
find _ y L back
back x * R start
* y * L *
* 1 * L *
clean x 1 L clean
* _ * * halt

; Doubles a unary number; some rules are for any state.
start 1 x R find
start y * R end
find 1 * R find
find y * R find
find _ y L back
back x * R start
end y * R end
end _ * L clean
clean x 1 L clean
clean y 1 L clean
* y * L *
* 1 * L *
* _ * * halt

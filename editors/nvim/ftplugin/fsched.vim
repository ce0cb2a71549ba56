" Settings of buffers with fsched programs.
if exists("b:did_ftplugin")
  finish
endif
let b:did_ftplugin = 1

setlocal commentstring=#\ %s comments=:# formatoptions-=t formatoptions+=croql
setlocal expandtab shiftwidth=2 softtabstop=2
setlocal suffixesadd=.fsched include=^\\s*use
setlocal iskeyword=@,48-57,_,192-255
compiler fsched

let b:undo_ftplugin = "setlocal commentstring< comments< formatoptions< expandtab< shiftwidth< softtabstop< suffixesadd< include< iskeyword< makeprg< errorformat<"

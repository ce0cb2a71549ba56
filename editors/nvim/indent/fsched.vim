" Indentation of fsched: two columns for each open bracket, and for what goes on behind a comma.
if exists("b:did_indent")
  finish
endif
let b:did_indent = 1
setlocal indentexpr=FschedIndent() indentkeys=0{,0},0),0],o,O,!^F
let b:undo_indent = "setlocal indentexpr< indentkeys<"

if exists("*FschedIndent")
  finish
endif

" The line without its comment and texts.
function! s:Code(number) abort
  return substitute(substitute(getline(a:number), '"\%(\\.\|[^"\\]\)*"', '""', 'g'), '\s*#.*$', '', '')
endfunction

function! FschedIndent() abort
  let above = prevnonblank(v:lnum - 1)
  if above == 0
    return 0
  endif
  let indent = indent(above)
  if s:Code(above) =~# '[({[]\s*$'
    let indent += shiftwidth()
  endif
  if getline(v:lnum) =~# '^\s*[])}]'
    let indent -= shiftwidth()
  endif
  return indent
endfunction

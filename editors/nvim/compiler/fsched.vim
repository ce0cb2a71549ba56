" :make checks the program; mistakes are in the quickfix list.
if exists("current_compiler")
  finish
endif
let current_compiler = "fsched"

execute "CompilerSet makeprg=" . escape(get(g:, "fsched_path", "fsched"), ' \|"') . "\\ check\\ --format\\ short\\ %:S"
CompilerSet errorformat=%f:%l:%c:\ %t%*[a-z][FS%n]:\ %m,%-G%.%#

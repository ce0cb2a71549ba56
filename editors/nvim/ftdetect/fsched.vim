autocmd BufRead,BufNewFile *.fsched setfiletype fsched

-- For Neovim 0.11 and later: `vim.lsp.enable("fsched")` reads this.
return {
  cmd = require("fsched").command(),
  filetypes = { "fsched" },
  root_markers = { ".git" },
}

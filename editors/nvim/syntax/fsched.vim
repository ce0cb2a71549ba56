" Vim syntax file of fsched, for editors without tree-sitter.
" Made from editors/templates/syntax.vim: FSCHED_BLESS=1 cargo test --test authoring editors
if exists("b:current_syntax")
  finish
endif
syntax case match
syntax sync minlines=50

" ---- values; what is defined later wins at the same place
" What no other rule knows, where no statement begins.
syntax match fschedName /\<[[:alpha:]_]\k*\>/ contained
syntax match fschedCall /\<[[:alpha:]_]\k*(\@=/
syntax match fschedSplit /\v<%(test|train|validation)>/
" Words to choose from have their places; elsewhere they are names that a program defines.
syntax match fschedChoice /\v%([:(]\s*|<%(accumulate|adapt|augment|batch|budget|data|device|diversify|freeze|keep|lr|max_length|measure|memory|model|objective|optimizer|precision|recall|recompute|replay|seed|thaw|threads|train_only)\s+)@<=<%(adapters|adversarial|all|as_published|auto|average|batch|best|bfloat16|blocks|both|box|brief|ce|channel|chatml|class|clean|clear|coarse|coin|color|copy|count|cpu|cuda|cw|detailed|dlr|estimate|eval|exact|fast|fine|fisher|fixed|float16|float32|forget|fresh|gqa|grounding|has_color|has_shape|highest|imagenet|in|initial|instance|iteration|keep|key_elements|l1|l2|last|layer|layers|linf|lowest|margin|memory|metal|model|multiple_choice|none|nothing|ocrvqa|option|orthogonal|out|per_row|phase|plain|plus|pretrain|rand|reading|reference|relearn|reset|same|scienceqa|sentence|shape|short|standard|strict|textvqa|train|transfer|unique|vicuna_v1|vizwiz|vqav2|weight|weights|yes_no)>/
syntax match fschedComponent /\v<%(adam|adamw|adversarial|apgd_ce|apgd_dlr|apgd_t|autoattack|avg_pool|awp|cifar10|cifar100|clip|coin|constant|conv|convnet|cosine|crop|cross_entropy|digits|drop|easy_vqa|ema|fab|fab_t|fashion|fgsm|flatten|flip|free|global_pool|idx|image_folder|init|instructions|kaiming_normal|kaiming_uniform|kels|kl|largest|linear|llama|llava|lora|mart|mlp|mse|nlvr|noise|norm|omniglot|pgd|plateau|pool|preact_resnet18|quiz|random|relu|residual|resnet18|rewind|saliency|seen|sequential|sgd|shrink|smallest|split|square|swa|tiny_llava|trades|vit|vlm|warmup|wide_resnet|zero)>/
syntax match fschedMetric /\v<%(clean|confusion|cost|drift|forgotten|gap|groups|knowledge|loss|overfitting|recovery|retention|robust|savings|sensitivity|step_loss|truth_alignment)>/
syntax match fschedSelector /\v<%(adapters|all|biases|blocks|conv|embeddings|head|language|layers|linear|norms|params|projector|vision)>\(@!/
syntax match fschedSelector /\v<params\(@=/
syntax match fschedSplit /\v<%(test|train|validation)>%(\.[^.])@=/
syntax match fschedSplit /\v%(<on\s+)@<=%(test|train|validation)>/
syntax keyword fschedConstant false none true
syntax keyword fschedParticle else in on until with
syntax keyword fschedOperatorWord and not or then
syntax match fschedParameter /\v<[[:alpha:]_]\k*>%(\s*:)@=/
syntax match fschedType /\v%(:\s*)@<=<%(Adapter|Attack|Bool|Data|Duration|Int|List|Memory|Metric|Model|Objective|Optimizer|Real|Recall|Schedule|Selector|Share|Tasks|Text)>/
syntax match fschedOperator /==\|!=\|<=\|>=\|[-+*\/&<>=]/ nextgroup=@fschedValue,fschedName skipwhite skipempty
syntax match fschedRange /\.\.=\?/
syntax match fschedDelimiter /;/
" Behind a comma, a colon or an operator the statement goes on, on the next line too.
syntax match fschedDelimiter /[,:]/ nextgroup=@fschedValue,fschedName skipwhite skipempty

" ---- numbers: 30%, 40 epochs, 3e-4; the number of -2.. ends before its dots
syntax match fschedBadNumber /\v\.?<\d%(\k|\.\.@!)*/
syntax match fschedNumber /\v%(<\d[0-9_]*%(\.\d[0-9_]*)?|\k@1<!\.\d[0-9_]*)%([eE][-+]?\d+)?%(\k|\.\d)@!\%?/
syntax match fschedUnit /\v%(\d\s+)@<=<%(epoch|epochs|h|min|s|step|steps)>%(\s*[:(\[])@!/

" ---- texts and comments
syntax match fschedEscape /\v\\%(["\\nt]|u\{\x+\})/ contained
syntax region fschedString start=/"/ skip=/\\./ end=/"/ end=/$/ oneline contains=fschedEscape,@Spell
syntax keyword fschedTodo TODO FIXME NOTE XXX contained
syntax match fschedLint /\v%(\(|,)@<=\s*[[:alnum:]-]+/ contained
syntax match fschedComment /#.*$/ contains=fschedTodo,@Spell
syntax match fschedPragma /\v#\s*fsched:.*$/ contains=fschedLint

" ---- statements: words at the start of a line or behind ; { }
syntax match fschedPhase /\v%(^\s*|[;{}]\s*)@<=<[[:alpha:]_]\k*>/
syntax match fschedStep /\v%(^\s*|[;{}]\s*)@<=<%(checkpoint|consolidate|evaluate|expect|export|forget|learn|merge|protect|relearn|rollback|stop|train|weights|zap)>/
syntax match fschedStep /\v%(<else\s+)@<=<%(checkpoint|consolidate|evaluate|expect|export|forget|learn|merge|protect|relearn|rollback|stop|train|weights|zap|warn)>/
syntax match fschedSetting /\v%(^\s*|[;{}]\s*)@<=<%(accumulate|adapt|augment|batch|budget|data|device|diversify|freeze|keep|lr|max_length|measure|memory|model|objective|optimizer|precision|recall|recompute|replay|seed|thaw|threads|train_only)>/
syntax match fschedControl /\v%(^\s*|[;{}]\s*|<else\s+)@<=<%(every|for|guard|if|repeat|when)>/
syntax match fschedDeclaration /\v%(^\s*|[;{}]\s*)@<=<%(let|param|phase|use)>/
syntax match fschedDefinition /\v%(<%(let|param|for)\s+)@<=<[[:alpha:]_]\k*>/
syntax match fschedPhase /\v%(<phase\s+)@<=<[[:alpha:]_]\k*>/

" ---- brackets: no statement begins within round or square ones
syntax cluster fschedValue contains=fschedCall,fschedSplit,fschedChoice,fschedComponent,fschedMetric,fschedSelector,fschedConstant
syntax cluster fschedValue add=fschedParticle,fschedOperatorWord,fschedParameter,fschedType,fschedOperator,fschedRange,fschedDelimiter
syntax cluster fschedValue add=fschedBadNumber,fschedNumber,fschedUnit,fschedString,fschedComment,fschedPragma,fschedRound,fschedSquare
syntax region fschedRound matchgroup=fschedDelimiter start=/(/ end=/)/ contains=@fschedValue,fschedName
syntax region fschedSquare matchgroup=fschedDelimiter start=/\[/ end=/\]/ contains=@fschedValue,fschedName
syntax region fschedBlock matchgroup=fschedDelimiter start=/{/ end=/}/ contains=TOP transparent fold

highlight default link fschedCall Function
highlight default link fschedSplit Constant
highlight default link fschedChoice Constant
highlight default link fschedComponent Function
highlight default link fschedMetric Function
highlight default link fschedSelector Special
highlight default link fschedConstant Boolean
highlight default link fschedParticle Keyword
highlight default link fschedOperatorWord Operator
highlight default link fschedParameter Identifier
highlight default link fschedType Type
highlight default link fschedOperator Operator
highlight default link fschedRange Operator
highlight default link fschedDelimiter Delimiter
highlight default link fschedBadNumber Error
highlight default link fschedNumber Number
highlight default link fschedUnit Type
highlight default link fschedEscape SpecialChar
highlight default link fschedString String
highlight default link fschedTodo Todo
highlight default link fschedLint Constant
highlight default link fschedComment Comment
highlight default link fschedPragma PreProc
highlight default link fschedPhase Function
highlight default link fschedStep Statement
highlight default link fschedSetting Keyword
highlight default link fschedControl Repeat
highlight default link fschedDeclaration Define
highlight default link fschedDefinition Identifier

let b:current_syntax = "fsched"

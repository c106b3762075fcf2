// The handler of extracttext.
//
// STANDARDS  RFC 5703 section 7
#include "store/sieve/handlers.h"
#include "store/sieve/modifiers.h"
#include "store/sieve/part_text.h"
#include "store/sieve/run.h"
#include "store/sieve/utf8.h"

namespace pennypost::store::sieve {
namespace {

/// The first `count` characters of a UTF-8 text.
std::string first_characters(std::string text, std::uint64_t count) {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (!continues_character(text[at]) && count-- == 0) break;
  }
  text.resize(at);
  return text;
}

}  // namespace

/// Of a part that is no text, the variable becomes empty.
Result<void> extracttext(Run& run, const Command& command) {
  const auto* part = run.part();
  std::string text;
  if (part != nullptr && is_searchable_text(*part)) {
    TRY_DO(run.spend(1 + part->body.bytes / 1024));
    text = searchable_text(run.text_of_part(), *part);
  }
  if (const auto* first = command.find(Tag::First)) {
    text = first_characters(std::move(text), first->number);
  }
  return run.set_variable(command.arguments[0].strings[0].text, modified(command, std::move(text)));
}

}  // namespace pennypost::store::sieve

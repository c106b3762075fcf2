// What a filter said of a message, the name of a script, where scripts are: any octets give a
// bounded score, a file's name that stays in its directory, an absolute path; or an error.
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/mail/header.h"
#include "store/filtering/spam_verdict.h"
#include "store/sieve/script_store.h"

using namespace pennypost;
using namespace pennypost::store;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  VerdictRules rules;
  rules.status_header = "X-Spamd-Result: default: [[:alpha:]]+ \\[(-?[0-9.]+) / [0-9.]+\\]";
  rules.max_header = "X-Spamd-Result: / ([0-9.]+)\\]";
  for (bool counts : {false, true}) {
    rules.counts_characters = counts;
    auto percent = spam_percent(rules, text);
    ASSERT(!percent || *percent <= 100);
    auto level = virus_level(rules, text);
    ASSERT(!level || (*level >= 1 && *level <= 5));
  }
  if (sieve::check_script_name(text)) {
    ASSERT(text.find('/') == text.npos && text.front() != '.' && text.size() < 250);
  }
  LocationUser user;
  user.name = "bob@example.org";
  user.home = "/home/bob";
  auto place = sieve::ScriptPlace::parse(text, user);
  if (place && *place) ASSERT((*place)->active.starts_with('/'));
  return 0;
}

// An MTA-STS record and policy in; no crash, and a policy that keeps its limits, and is the same
// when it is kept in a file and read again, out.
#include <string>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "smtpd/routing/sts_store.h"

using namespace pennypost;
using namespace pennypost::smtp;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  auto id = sts_policy_id({text});
  ASSERT(!id || (!id->empty() && id->size() <= 32));
  (void)KeptSts::parse(text);
  auto policy = StsPolicy::parse(text);
  if (!policy) return 0;
  ASSERT(policy->seconds <= sts_seconds_max && policy->patterns.size() <= sts_patterns_max);
  ASSERT(policy->mode == StsMode::None || !policy->patterns.empty());
  for (const auto& pattern : policy->patterns) {
    bool is_star = pattern.starts_with("*.");
    ASSERT(policy->allows(is_star ? "mx" + pattern.substr(1) : pattern));
    ASSERT(pattern == lower(pattern));
  }
  KeptSts kept;
  kept.id = id.value_or("a");
  kept.fetched = 1;
  kept.text = text;
  auto again = KeptSts::parse(kept.file_text());
  ASSERT(again && again->policy == *policy && again->id == kept.id);
  return 0;
}

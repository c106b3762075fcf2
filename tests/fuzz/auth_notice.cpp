// Feeds the parsers of what auth processes tell each other, and of the state that one keeps in its
// file; what parses must keep the limits and come back the same.
#include <string_view>

#include "common/base/assert.h"
#include "store/login/auth_messages.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

void look_at_notice(std::string_view bytes) {
  auto notice = parse_notice(bytes);
  if (!notice) return;
  ASSERT(notice->events.size() <= events_max && notice->text.size() <= notice_text_bytes_max);
  ASSERT(notice->name.empty() || is_peer_name(notice->name));
  auto again = parse_notice(encode(*notice));
  ASSERT(again && again->kind == notice->kind && again->events.size() == notice->events.size());
}

void look_at_state(std::string_view bytes) {
  auto entries = parse_state(bytes);
  if (!entries) return;
  LoginThrottle::Settings settings;
  settings.known_lifetime = Seconds(3600);
  LoginThrottle throttle(Clock::system(), settings);
  for (const auto& entry : *entries) throttle.merge(entry);
  auto kept = throttle.entries();
  ASSERT(kept.size() <= entries->size());
  ASSERT(parse_state(encode_state(kept)));
  throttle.lift("");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  look_at_notice(bytes);
  look_at_state(bytes);
  return 0;
}

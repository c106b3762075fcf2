#include "common/session/session_id.h"

#include <unistd.h>

#include <array>
#include <cstdint>

#include "common/base/text.h"

namespace pennypost {
namespace {

constexpr int time_bytes = 7;  // microseconds until the year 4253
constexpr int process_bytes = 4;
constexpr int counter_bytes = 4;

void append(std::string& bytes, std::uint64_t number, int count) {
  for (int i = count - 1; i >= 0; --i) bytes += static_cast<char>(number >> (8 * i));
}

}  // namespace

std::string make_session_id(const Clock& clock) {
  static std::uint32_t counter = 0;  // only one thread of a process has dialogues
  std::string bytes;
  append(bytes, static_cast<std::uint64_t>(clock.now().count()), time_bytes);
  append(bytes, static_cast<std::uint64_t>(::getpid()), process_bytes);
  append(bytes, ++counter, counter_bytes);
  return base64_encode(bytes);
}

}  // namespace pennypost

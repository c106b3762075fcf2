#include "smtpd/queue/queue_id.h"

#include <unistd.h>

#include <algorithm>
#include <random>

namespace pennypost::smtp {
namespace {

constexpr std::string_view alphabet = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
constexpr std::size_t time_digits = 9;
constexpr std::size_t process_digits = 4;  // 52^4 is more than the highest process id, 2^22
constexpr std::size_t random_digits = 2;
static_assert(time_digits + process_digits + random_digits == queue_id_bytes);
static_assert(std::ranges::is_sorted(alphabet), "ids sort by time");

void put_digits(std::string& out, std::uint64_t value, std::size_t count) {
  std::size_t end = out.size() + count;
  out.resize(end);
  for (std::size_t i = 0; i < count; ++i) {
    out[end - 1 - i] = alphabet[value % alphabet.size()];
    value /= alphabet.size();
  }
}

/// What distinguishes this process from all others; drawn anew after a fork.
struct Process {
  pid_t pid = 0;
  std::uint64_t random = 0;
  std::uint64_t last_time = 0;
};

}  // namespace

QueueId make_queue_id(const Clock& clock) {
  static Process process;
  if (process.pid != getpid()) {
    std::random_device source;
    process.pid = getpid();
    process.random = source();
  }
  auto now = static_cast<std::uint64_t>(std::max<std::int64_t>(0, clock.now().count()));
  process.last_time = std::max(process.last_time + 1, now);
  std::string text;
  text.reserve(queue_id_bytes);
  put_digits(text, process.last_time, time_digits);
  put_digits(text, static_cast<std::uint64_t>(process.pid), process_digits);
  put_digits(text, process.random, random_digits);
  return QueueId(std::move(text));
}

std::int64_t time_of_queue_id(std::string_view text) {
  if (!is_queue_id(text)) return 0;
  std::int64_t time = 0;
  for (char c : text.substr(0, time_digits)) {
    time = time * static_cast<std::int64_t>(alphabet.size()) +
           static_cast<std::int64_t>(alphabet.find(c));
  }
  return time;
}

/// No process has the number 0.
std::string just_before_queue_id(std::string_view text) {
  if (!is_queue_id(text)) return "";
  return std::string(text.substr(0, time_digits)) +
         std::string(queue_id_bytes - time_digits, alphabet.front());
}

bool is_queue_id(std::string_view text) {
  return text.size() == queue_id_bytes &&
         std::ranges::all_of(text, [](char c) { return alphabet.find(c) != alphabet.npos; });
}

}  // namespace pennypost::smtp

#include "smtpd/commands/queue_shape.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <optional>
#include <ostream>

#include "common/base/text.h"
#include "common/base/words.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/load_config.h"
#include "smtpd/commands/postqueue.h"
#include "smtpd/commands/queue_access.h"
#include "smtpd/commands/usage.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t buckets_max = 40;       // the last one's age fits into 64 bits
constexpr std::int64_t number_max = 100'000;  // of an option
constexpr std::size_t domain_columns_least = 18;
constexpr std::array<std::string_view, 4> queue_names{"incoming", "active", "deferred", "hold"};

struct Request {
  LoadOptions options;
  QueueShape::Options shape;
  bool is_by_sender = false;
  std::vector<std::string> queues;
};

/// A number from 1 on.
std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  bool is_whole = error == std::errc() && end == text.data() + text.size();
  if (!is_whole || number < 1 || number > number_max) return std::nullopt;
  return number;
}

bool take_value(Request& request, char letter, const std::string& value) {
  if (letter == 'c') {
    request.options.directory = value;
    return true;
  }
  auto number = number_of(value);
  if (!number) return false;
  auto size = static_cast<std::size_t>(*number);
  if (letter == 'b') request.shape.buckets = size;
  if (letter == 't') request.shape.minutes = *number;
  if (letter == 'm') request.shape.subdomains = size;
  if (letter == 'w') request.shape.columns = std::max<std::size_t>(80, size);
  return request.shape.buckets <= buckets_max;
}

/// Nothing if the arguments are wrong.
std::optional<Request> parse(std::span<const std::string> args) {
  Request request;
  bool is_shape = false;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    if (!is_shape && arg == "shape") {
      is_shape = true;
      continue;
    }
    if (std::ranges::find(queue_names, arg) != queue_names.end()) {
      request.queues.push_back(arg);
      continue;
    }
    if (arg.size() < 2 || arg[0] != '-') return std::nullopt;
    for (std::size_t at = 1; at < arg.size(); ++at) {
      char letter = arg[at];
      request.is_by_sender = request.is_by_sender || letter == 's';
      request.shape.is_linear = request.shape.is_linear || letter == 'l';
      request.shape.has_parents = request.shape.has_parents || letter == 'p';
      if (std::string_view("lps").find(letter) != std::string_view::npos) continue;
      bool is_attached = at + 1 < arg.size();
      if (std::string_view("bcmtw").find(letter) == std::string_view::npos) return std::nullopt;
      if (!is_attached && i + 1 == args.size()) return std::nullopt;
      if (!take_value(request, letter, is_attached ? arg.substr(at + 1) : args[++i])) {
        return std::nullopt;
      }
      break;
    }
  }
  if (!is_shape) return std::nullopt;
  if (request.queues.empty()) request.queues = {"incoming", "active"};
  return request;
}

/// The domain in lower case, without dots at its ends and without two in a row.
std::string domain_of(std::string_view address) {
  if (address.empty()) return "MAILER-DAEMON";
  auto at = address.rfind('@');
  std::string domain;
  for (char c : lower(address.substr(at == address.npos ? 0 : at + 1))) {
    bool is_double = c == '.' && (domain.empty() || domain.back() == '.');
    if (!is_double) domain += c;
  }
  if (domain.ends_with('.')) domain.pop_back();
  return domain;
}

/// The name at the right of its columns; of a longer one its end, behind a +.
std::string fitted(std::string_view name, std::size_t width) {
  if (name.size() <= width) return std::string(width - name.size(), ' ') + std::string(name);
  std::string mark = name.starts_with('.') ? ".+" : "+";
  return mark + std::string(name.substr(name.size() - (width - mark.size())));
}

std::string right(const std::string& text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

}  // namespace

std::size_t QueueShape::bucket(std::int64_t age_seconds) const {
  std::int64_t limit = options_.minutes * 60;
  std::int64_t step = limit;
  for (std::size_t bucket = 1; bucket < options_.buckets; ++bucket) {
    if (age_seconds < limit) return bucket;
    limit += options_.is_linear ? step : limit;
  }
  return options_.buckets;
}

/// Returns whether the domain is new.
bool QueueShape::count(const std::string& name, std::size_t bucket) {
  auto [place, is_new] = domains_.try_emplace(name);
  auto& counts = place->second.counts;
  counts.resize(options_.buckets + 1);
  ++counts[0];
  ++counts[bucket];
  return is_new;
}

void QueueShape::add(std::string_view address, std::int64_t age_seconds) {
  auto at = bucket(age_seconds);
  ++total_[0];
  ++total_[at];
  std::string name = domain_of(address);
  bool is_new = count(name, at);
  while (options_.has_parents) {
    // The parent of a.example.com, and of .a.example.com, is .example.com; .com is none.
    auto dot = name.find('.', 1);
    if (dot == std::string::npos || name.find('.', dot + 1) == std::string::npos) return;
    name.erase(0, dot);
    bool is_new_parent = count(name, at);
    if (is_new) ++domains_.at(name).subdomains;
    is_new = is_new_parent;
  }
}

/// `T`, then the greatest age of each bucket in minutes; the last has a + instead.
std::vector<std::string> QueueShape::heads() const {
  std::vector<std::string> heads{"T"};
  std::int64_t minutes = options_.minutes;
  for (std::size_t bucket = 1; bucket < options_.buckets; ++bucket) {
    heads.push_back(std::to_string(minutes));
    if (bucket + 1 < options_.buckets) minutes += options_.is_linear ? options_.minutes : minutes;
  }
  heads.push_back(options_.buckets == 1 ? "0+" : std::to_string(minutes) + "+");
  return heads;
}

std::string QueueShape::text() const {
  const auto titles = heads();
  std::vector<std::size_t> widths;
  std::size_t name_width = options_.columns;
  for (std::size_t i = 0; i < titles.size(); ++i) {
    std::size_t digits = std::max(titles[i].size(), std::to_string(total_[i]).size());
    widths.push_back(digits > 2 ? digits + 1 : 3);
    name_width -= std::min(name_width, widths.back());
  }
  name_width = std::max(name_width, domain_columns_least);
  std::string out = fitted("", name_width);
  for (std::size_t i = 0; i < titles.size(); ++i) out += right(titles[i], widths[i]);
  out += '\n';
  auto add_line = [&](std::string_view name, const std::vector<std::uint64_t>& counts) {
    out += fitted(printable(name), name_width);
    for (std::size_t i = 0; i < counts.size(); ++i)
      out += right(std::to_string(counts[i]), widths[i]);
    out += '\n';
  };
  add_line("TOTAL", total_);
  std::vector<std::map<std::string, Domain, std::less<>>::const_iterator> sorted;
  for (auto one = domains_.begin(); one != domains_.end(); ++one) {
    bool is_small_parent =
        one->first.starts_with('.') && one->second.subdomains < options_.subdomains;
    if (!is_small_parent) sorted.push_back(one);
  }
  std::ranges::stable_sort(sorted, [](const auto& a, const auto& b) {
    auto most = a->second.counts[0], other = b->second.counts[0];
    return most != other ? most > other : a->first.size() < b->first.size();
  });
  for (const auto& one : sorted) add_line(one->first, one->second.counts);
  return out;
}

int queue(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  auto request = parse(args);
  if (!request) {
    err << usage::queue << "\n";
    return ex_usage;
  }
  auto config = load_config(request->options, err);
  if (!config) return ex_config;
  QueueShape shape(request->shape);
  const std::int64_t now = ::time(nullptr);
  {
    auto queue = QueueAccess::open(config);
    if (!queue) {
      err << "queue: fatal: mail system is down (" << queue.error().text() << ")\n";
      return ex_unavailable;
    }
    auto counted = for_each_message(queue->client(), [&](const ListQueue::Entry& entry) {
      if (!holds(request->queues, state_name(entry.state))) return true;
      auto age = now - entry.arrival;
      if (request->is_by_sender) shape.add(entry.sender, age);
      if (request->is_by_sender) return true;
      for (const auto& recipient : entry.recipients) shape.add(recipient.address, age);
      return true;
    });
    if (!counted) {
      err << "queue: fatal: " << counted.error().text_with_status() << '\n';
      return ex_tempfail;
    }
  }
  out << shape.text();
  return 0;
}

}  // namespace pennypost::smtp

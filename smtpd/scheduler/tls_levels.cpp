#include "smtpd/scheduler/tls_levels.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "common/base/file.h"
#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

constexpr std::array<std::string_view, 4> names{"Plain", "Untrusted", "Trusted", "Verified"};
// How exactly it is remembered when a level was seen last: not each session changes the file.
constexpr std::int64_t seen_precision_seconds = 86'400;

std::string_view name_of(TlsWorth worth) { return names[static_cast<std::size_t>(worth)]; }

std::optional<TlsWorth> worth_of(std::string_view name) {
  auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<TlsWorth>(found - names.begin());
}

std::string in_words(TlsWorth worth) {
  if (worth == TlsWorth::Plain) return "without TLS";
  return "with a TLS certificate that is " + lower(name_of(worth));
}

}  // namespace

std::optional<std::string> TlsLevels::note(const NoteTls& session, std::int64_t now,
                                           std::size_t hops_max) {
  auto found = hops_.find(session.next_hop);
  if (found == hops_.end()) {
    // Nothing can get worse than that.
    if (session.worth == TlsWorth::Plain || hops_max == 0) return std::nullopt;
    while (hops_.size() >= hops_max) {
      hops_.erase(
          std::ranges::min_element(hops_, {}, [](const auto& entry) { return entry.second.seen; }));
    }
    found = hops_.emplace(session.next_hop, Best()).first;
  }
  Best& best = found->second;
  bool is_forgotten = now >= best.seen + levels_lifetime.count();
  if (session.worth >= best.worth || is_forgotten) {
    bool is_new = best.worth != session.worth || now >= best.seen + seen_precision_seconds;
    if (is_new) {
      best.worth = session.worth;
      best.seen = now;
      is_changed_ = true;
    }
    return std::nullopt;
  }
  if (now < best.warned + warning_pause.count()) return std::nullopt;
  best.warned = now;
  is_changed_ = true;
  return "mail for " + printable(session.next_hop, 255) + " goes to " +
         printable(session.target, 400) + " " + in_words(session.worth) + ", earlier it went " +
         in_words(best.worth);
}

std::string TlsLevels::text() const {
  std::string text;
  for (const auto& [host, best] : hops_) {
    text += host + " " + std::string(name_of(best.worth)) + " " + std::to_string(best.seen) + " " +
            std::to_string(best.warned) + "\n";
  }
  return text;
}

void TlsLevels::take_text(std::string_view text, std::size_t hops_max) {
  for (auto line : split(text, '\n')) {
    auto fields = words(line, " ");
    if (fields.size() != 4 || hops_.size() >= hops_max) continue;
    auto worth = worth_of(fields[1]);
    auto seen = parse_number(fields[2]);
    auto warned = parse_number(fields[3]);
    if (!worth || !seen || !warned) continue;
    Best best;
    best.worth = *worth;
    best.seen = static_cast<std::int64_t>(*seen);
    best.warned = static_cast<std::int64_t>(*warned);
    hops_.insert_or_assign(std::string(fields[0]), best);
  }
}

std::string tls_levels_path(const std::string& queue_directory) {
  return queue_directory + "/tls_levels";
}

Result<void> write_tls_levels(const std::string& path, const std::string& text) {
  std::string beside = path + ".new";
  TRY(auto file, open_file(beside, O_WRONLY | O_CREAT | O_TRUNC));
  TRY_DO(write_all(file.number(), text, beside));
  TRY_DO(sync_file(file.number(), beside));
  if (std::rename(beside.c_str(), path.c_str()) != 0) return file_error("rename", beside);
  return {};
}

}  // namespace pennypost::smtp

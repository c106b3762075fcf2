// Remembers how well TLS has worked at best with each next hop, and says when it gets worse.
//
// A warning is given once a day for a next hop; the best level counts until levels_lifetime after
// it was seen last, so that a change that lasts is not complained of for ever. It is kept over
// restarts in a file, one line for each next hop:
//
//   example.org Verified 1764460800 0          host, best level, when seen last, when warned last
//
// LIMITS     smtp_tls_best_levels_max; the hop that was seen first goes
// SEE ALSO   ../queue/tls_note.h (who tells)
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "smtpd/queue/tls_note.h"

namespace pennypost::smtp {

class TlsLevels {
 public:
  static constexpr std::chrono::seconds levels_lifetime{90 * 86'400};
  static constexpr std::chrono::seconds warning_pause{86'400};

  /// Takes a session's level; returns the warning if it is worse than the best one. `now`: seconds
  /// since 1970.
  std::optional<std::string> note(const NoteTls& session, std::int64_t now, std::size_t hops_max);
  /// The content of the file, and back; malformed lines are skipped.
  std::string text() const;
  void take_text(std::string_view text, std::size_t hops_max);
  /// Whether there is anything that text() had not yet.
  bool is_changed() const { return is_changed_; }
  void note_saved() { is_changed_ = false; }
  std::size_t size() const { return hops_.size(); }

 private:
  struct Best {
    TlsWorth worth = TlsWorth::Plain;
    std::int64_t seen = 0;
    std::int64_t warned = 0;
  };
  std::map<std::string, Best, std::less<>> hops_;
  bool is_changed_ = false;
};

/// `$queue_directory/tls_levels`
std::string tls_levels_path(const std::string& queue_directory);
/// Replaces the file by one with this text; blocks.
Result<void> write_tls_levels(const std::string& path, const std::string& text);

}  // namespace pennypost::smtp

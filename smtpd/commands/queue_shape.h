// Counts the mail in the queue by domain and age, as Postfix's qshape(1) does.
//
//   pennypost queue shape [-c DIR] [-lps] [-b BUCKETS] [-t MINUTES] [-m SUBDOMAINS] [-w COLUMNS]
//                         [incoming|active|deferred|hold]...
//
//   -s  counts messages by the sender's domain; otherwise their recipients are counted by domain
//   -b  how many columns of ages there are (10). Each has twice the greatest age of the one before,
//       and the last has none    -t  the first column's greatest age (5)    -l  all columns are as
//       wide as the first
//   -p  adds a line for each parent domain (.example.com) with at least -m subdomains (5)
//   -w  the width of the screen, if it is more than 80
//
// Without names of queues it shows incoming and active together. The command works while smtpd is
// stopped (queue_access.h).
//
// EXIT STATUS  0; 64 wrong arguments; 69 the queue can't be reached; 75 it did not answer; 78 no
//              usable configuration
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pennypost::smtp {

int queue(std::span<const std::string> args, std::ostream& out, std::ostream& err);

/// The counts, and the table that shows them.
class QueueShape {
 public:
  struct Options {
    std::size_t buckets = 10;
    std::int64_t minutes = 5;
    std::size_t subdomains = 5;
    std::size_t columns = 80;
    bool is_linear = false;
    bool has_parents = false;
  };
  explicit QueueShape(const Options& options) : options_(options) {}

  /// Counts an address whose message is this old; an empty one is MAILER-DAEMON.
  void add(std::string_view address, std::int64_t age_seconds);
  /// The table: a line of heads, TOTAL, then the domains, those with most mail first.
  std::string text() const;

 private:
  struct Domain {
    std::vector<std::uint64_t> counts;  // the total, then the buckets
    std::size_t subdomains = 0;
  };
  std::size_t bucket(std::int64_t age_seconds) const;
  bool count(const std::string& name, std::size_t bucket);
  std::vector<std::string> heads() const;

  Options options_;
  std::vector<std::uint64_t> total_ = std::vector<std::uint64_t>(options_.buckets + 1);
  std::map<std::string, Domain, std::less<>> domains_;
};

}  // namespace pennypost::smtp

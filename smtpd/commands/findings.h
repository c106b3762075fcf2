// What `pennypost doctor` finds: what is wrong, why that matters, and what to do.
#pragma once

#include <string>
#include <vector>

namespace pennypost::smtp {

enum class Level {
  Good,     // looked at, and well
  Note,     // could be better
  Warning,  // some mail is refused, or soon will be
  Problem   // mail is lost to others, or this host does not work
};
/// `good`, `note`, `warning`, `problem`.
std::string_view name_of(Level level);

struct Finding {
  Level level = Level::Good;
  std::string area;    // dns, certificate, queue …
  std::string what;    // a sentence without its full stop
  std::string why;     // why it matters; empty for what is good
  std::string remedy;  // the line to type, or the record to publish; may be empty

  friend bool operator==(const Finding&, const Finding&) = default;
};
using Findings = std::vector<Finding>;

/// The worst first; of a level in the order in which they were found. Without `shows_good` what is
/// good is left out.
std::string findings_text(const Findings& findings, bool shows_good);
/// One object a line.
std::string findings_json(const Findings& findings);
Level worst_of(const Findings& findings);

}  // namespace pennypost::smtp

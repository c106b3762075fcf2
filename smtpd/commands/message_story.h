// Finds in a mail log what became of messages.
//
// A message is known by its queue id; a Message-ID or an address leads to the ids of lines that
// name it. A report that was sent about a message belongs to its story, too, and so does what users
// did with it later (mail_log_events), which its Message-ID tells. The log may be text or JSON.
//
// LIMITS  stories_max messages; the oldest beyond it are left out
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/log/line_form.h"
#include "smtpd/commands/mail_log.h"

namespace pennypost::smtp {

inline constexpr std::size_t stories_max = 1000;
inline constexpr std::size_t story_lines_max = 10'000;

/// A line of a message: when, which part of the mail system, and what it says behind the queue id.
struct StoryLine {
  std::string time;  // as the log has it
  std::string component;
  std::string text;
};

struct MessageStory {
  std::string id;  // queue id; empty: a message that was refused before it had one
  std::vector<StoryLine> lines;

  /// The value of `key=` in the first line that has it: `<a@b>`, `mx[192.0.2.1]`.
  std::string value(std::string_view key) const;
};

/// What is searched for: a queue id, a Message-ID with or without its brackets, or an address.
class LogSearch {
 public:
  explicit LogSearch(std::string_view what);

  /// The stories in the order of their first lines. Error: the log can't be read.
  Result<std::vector<MessageStory>> run(const MailLog& log);

 private:
  struct Found;
  void find_ids(std::string_view lines, const std::string& needle);

  std::string needle_;
  bool is_id_ = false;
  std::vector<std::string> ids_;
  std::vector<MessageStory> refused_;
};

}  // namespace pennypost::smtp

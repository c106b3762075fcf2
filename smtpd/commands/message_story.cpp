#include "smtpd/commands/message_story.h"

#include <algorithm>
#include <unordered_map>

#include "common/base/json_text.h"
#include "common/base/text.h"
#include "common/log/line_form.h"

namespace pennypost::smtp {
namespace {

constexpr std::string_view message_id_key = "message-id=";

/// Calls `use` with each line, without its end.
template <class Use>
void each_line(std::string_view lines, Use use) {
  while (!lines.empty()) {
    auto end = lines.find('\n');
    use(lines.substr(0, end));
    if (end == lines.npos) return;
    lines.remove_prefix(end + 1);
  }
}

/// The id of a report that this line says was sent; empty if it says nothing of the kind.
std::string_view report_id(std::string_view text) {
  auto at = text.find(" notification: ");
  if (at == text.npos) return {};
  std::string_view id = text.substr(at + 15);
  id = id.substr(0, id.find_first_of(" \t"));
  return looks_like_queue_id(id) ? id : std::string_view();
}

struct Hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};

}  // namespace

std::string MessageStory::value(std::string_view key) const {
  const std::string sought = std::string(key) + "=";
  for (const auto& line : lines) {
    std::string_view text = line.text;
    auto at = text.find(sought);
    if (at == text.npos || (at != 0 && text[at - 1] != ' ')) continue;
    text.remove_prefix(at + sought.size());
    auto end = text.starts_with('<') ? text.find('>') : text.find_first_of(", ");
    if (end != text.npos && text.starts_with('<')) ++end;
    return std::string(text.substr(0, end));
  }
  return "";
}

LogSearch::LogSearch(std::string_view what) : needle_(trim(what)) {
  is_id_ = looks_like_queue_id(needle_);
  const bool has_brackets = needle_.starts_with('<') && needle_.ends_with('>');
  // A Message-ID stands in the log as message-id=<...>, an address as from=<...> and to=<...>.
  if (!is_id_ && !has_brackets) needle_ = "<" + needle_ + ">";
}

/// The ids of lines that name what is searched for; without an id the line itself is a story.
void LogSearch::find_ids(std::string_view lines, const std::string& needle) {
  for (std::size_t at = 0; (at = lines.find(needle, at)) != lines.npos;) {
    auto before = lines.rfind('\n', at);
    const std::size_t begin = before == lines.npos ? 0 : before + 1;
    const std::size_t end = std::min(lines.find('\n', at), lines.size());
    LogLine line = parse_log_line(lines.substr(begin, end - begin));
    at = end;
    if (!line.id.empty()) {
      ids_.push_back(std::move(line.id));
    } else if (line.text.starts_with("NOQUEUE: ")) {
      MessageStory story;
      story.lines.push_back(
          {std::move(line.time), std::move(line.component), std::move(line.text)});
      refused_.push_back(std::move(story));
      if (refused_.size() > stories_max) refused_.erase(refused_.begin());
    }
  }
}

/// The stories, and how a line leads to its own.
struct LogSearch::Found {
  using Places = std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>>;
  Places by_id;
  Places by_message_id;
  std::vector<MessageStory> stories;

  void begin(std::string_view id) {
    if (by_id.contains(id) || stories.size() > 2 * stories_max) return;
    by_id.emplace(id, stories.size());
    stories.push_back({std::string(id), {}});
  }

  void take(std::string_view text) {
    auto id = queue_id_of(text);
    const Places& places = id.empty() ? by_message_id : by_id;
    if (places.empty()) return;
    auto place = places.find(id.empty() ? message_id_of(text) : id);
    if (place == places.end()) return;
    const std::size_t number = place->second;
    LogLine line = parse_log_line(text);
    if (line.text.starts_with(message_id_key)) {
      by_message_id.insert_or_assign(line.text.substr(message_id_key.size()), number);
    }
    if (auto report = report_id(line.text); !report.empty()) begin(report);
    auto& lines = stories[number].lines;
    if (lines.size() == story_lines_max) return;
    lines.push_back({std::move(line.time), std::move(line.component), std::move(line.text)});
  }
};

Result<std::vector<MessageStory>> LogSearch::run(const MailLog& log) {
  if (is_id_) {
    ids_.push_back(needle_);
  } else {
    // In JSON a quote or a backslash is written otherwise.
    std::string quoted = json_string(needle_);
    quoted = quoted.substr(1, quoted.size() - 2);
    TRY_DO(log.read([&](std::string_view lines) {
      find_ids(lines, needle_);
      if (quoted != needle_) find_ids(lines, quoted);
    }));
  }
  if (ids_.size() > stories_max) ids_.erase(ids_.begin(), ids_.end() - stories_max);
  Found found;
  for (const auto& id : ids_) found.begin(id);
  if (!found.stories.empty()) {
    TRY_DO(log.read([&](std::string_view lines) {
      each_line(lines, [&](std::string_view text) { found.take(text); });
    }));
  }
  std::erase_if(found.stories, [](const MessageStory& story) { return story.lines.empty(); });
  found.stories.insert(found.stories.end(), std::make_move_iterator(refused_.begin()),
                       std::make_move_iterator(refused_.end()));
  return std::move(found.stories);
}

}  // namespace pennypost::smtp

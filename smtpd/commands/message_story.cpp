#include "smtpd/commands/message_story.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t id_bytes_min = 6;
constexpr std::size_t id_bytes_max = 30;

bool is_id_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
bool is_queue_id(std::string_view text) {
  return text.size() >= id_bytes_min && text.size() <= id_bytes_max &&
         std::ranges::all_of(text, is_id_character) &&
         std::ranges::any_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

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
  return is_queue_id(id) ? id : std::string_view();
}

/// Where the message of a line begins, behind `component[pid]: `; npos if it is not of our form.
std::size_t text_begin(std::string_view line) {
  auto end = line.find("]: ");
  return end == line.npos ? line.npos : end + 3;
}

std::string_view id_at(std::string_view text) {
  auto colon = text.find(':');
  if (colon == text.npos || colon > id_bytes_max) return {};
  std::string_view id = text.substr(0, colon);
  return is_queue_id(id) ? id : std::string_view();
}

struct Hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};

}  // namespace

LogLine parse_log_line(std::string_view line) {
  LogLine parsed;
  auto begin = text_begin(line);
  if (begin == line.npos) return parsed;
  std::string_view head = line.substr(0, begin - 3);
  head = head.substr(0, head.rfind('['));
  auto tag = head.rfind(' ');
  if (tag == head.npos) return parsed;
  std::string_view component = head.substr(tag + 1);
  // Before the tag stands the host's name, before that the time.
  auto host = head.rfind(' ', tag - 1);
  if (host == head.npos || tag == 0) return parsed;
  parsed.time = head.substr(0, host);
  auto slash = component.rfind('/');
  parsed.component = slash == component.npos ? component : component.substr(slash + 1);
  parsed.text = line.substr(begin);
  parsed.id = id_at(parsed.text);
  if (!parsed.id.empty()) parsed.text = trim(parsed.text.substr(parsed.id.size() + 1));
  return parsed;
}

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
  is_id_ = is_queue_id(needle_);
  const bool has_brackets = needle_.starts_with('<') && needle_.ends_with('>');
  // A Message-ID stands in the log as message-id=<...>, an address as from=<...> and to=<...>.
  if (!is_id_ && !has_brackets) needle_ = "<" + needle_ + ">";
}

/// The ids of lines that name what is searched for; without an id the line itself is a story.
void LogSearch::find_ids(std::string_view lines) {
  for (std::size_t at = 0; (at = lines.find(needle_, at)) != lines.npos;) {
    auto before = lines.rfind('\n', at);
    const std::size_t begin = before == lines.npos ? 0 : before + 1;
    const std::size_t end = std::min(lines.find('\n', at), lines.size());
    LogLine line = parse_log_line(lines.substr(begin, end - begin));
    at = end;
    if (!line.id.empty()) {
      ids_.emplace_back(line.id);
    } else if (line.text.starts_with("NOQUEUE: ")) {
      MessageStory story;
      story.lines.push_back(
          {std::string(line.time), std::string(line.component), std::string(line.text)});
      refused_.push_back(std::move(story));
      if (refused_.size() > stories_max) refused_.erase(refused_.begin());
    }
  }
}

struct LogSearch::Found {
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> places;
  std::vector<MessageStory> stories;
};

Result<std::vector<MessageStory>> LogSearch::run(const MailLog& log) {
  if (is_id_) {
    ids_.push_back(needle_);
  } else {
    TRY_DO(log.read([this](std::string_view lines) { find_ids(lines); }));
  }
  if (ids_.size() > stories_max) ids_.erase(ids_.begin(), ids_.end() - stories_max);
  Found found;
  auto add = [&](std::string_view id) {
    if (found.places.contains(id) || found.stories.size() > 2 * stories_max) return;
    found.places.emplace(id, found.stories.size());
    found.stories.push_back({std::string(id), {}});
  };
  for (const auto& id : ids_) add(id);
  if (!found.places.empty()) {
    TRY_DO(log.read([&](std::string_view lines) {
      each_line(lines, [&](std::string_view text) {
        auto begin = text_begin(text);
        if (begin == text.npos) return;
        auto id = id_at(text.substr(begin));
        auto place = id.empty() ? found.places.end() : found.places.find(id);
        if (place == found.places.end()) return;
        LogLine line = parse_log_line(text);
        auto& story = found.stories[place->second];
        if (story.lines.size() < story_lines_max) {
          story.lines.push_back(
              {std::string(line.time), std::string(line.component), std::string(line.text)});
        }
        if (auto report = report_id(line.text); !report.empty()) add(report);
      });
    }));
  }
  std::erase_if(found.stories, [](const MessageStory& story) { return story.lines.empty(); });
  found.stories.insert(found.stories.end(), std::make_move_iterator(refused_.begin()),
                       std::make_move_iterator(refused_.end()));
  return std::move(found.stories);
}

}  // namespace pennypost::smtp

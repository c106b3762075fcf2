// Writes a log line as text or as JSON, and reads lines of both forms.
//
//   Nov 29 07:40:40 mail pennypost/qmgr[71]: 4Zk2Qn1: from=<a@b>, size=2312, nrcpt=1 (queue active)
//
//   {"time":"2026-11-29T07:40:40.123456Z","host":"mail","program":"pennypost/qmgr","pid":71,
//    "severity":"info","queue_id":"4Zk2Qn1","from":"a@b","size":2312,"nrcpt":1,
//    "message":"4Zk2Qn1: from=<a@b>, size=2312, nrcpt=1 (queue active)"}            (in one line)
//
// `message` is what the text form has behind `program[pid]: `. The fields between queue_id and it
// are parts of that text which the maker of the line has marked, so that no text from outside can
// pass for one, whatever a client or another server says. A syslog datagram has the JSON in place
// of the text, behind the same tag.
//
// LIMITS     log_line_bytes_max; what does not fit is left out of JSON whole, but for `message`,
//            whose end is cut off
// STANDARDS  RFC 8259 (JSON), RFC 3339 (time)
// SEE ALSO   log.h (which lines there are), sink.h (where they go)
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace pennypost {

/// The greatest length of a line; the rest is cut off.
inline constexpr std::size_t log_line_bytes_max = 8000;

/// A part of a line's text that is a field of its JSON form.
struct LogPart {
  std::string_view name;
  std::size_t begin = 0;
  std::size_t size = 0;
  bool is_number = false;
};
using LogParts = std::span<const LogPart>;

/// A line of ours, taken apart.
struct LogLine {
  std::string time;       ///< as the line has it
  std::string component;  ///< `smtpd` of `pennypost/smtpd[71]:`; empty: the line is none of ours
  std::string id;         ///< the queue id; empty: none
  std::string text;       ///< what follows the id
};

/// What a line of JSON says besides its text.
struct LogLineHead {
  std::int64_t microseconds = 0;  ///< since 1970
  std::string_view host;          ///< empty: not said
  std::string_view program;       ///< `pennypost/smtpd`
  int process = 0;
  std::string_view severity;  ///< info, warning, error, fatal, panic
};

/// One object without a line end. `text` begins with `prefix` (`warning: `), which `parts` do not
/// count.
std::string json_log_line(const LogLineHead& head, std::string_view prefix, std::string_view text,
                          LogParts parts);

/// The queue id of a line in either form; empty if it has none. Cheap: for a search.
std::string_view queue_id_of(std::string_view line);
/// The Message-ID, with its brackets, in a line of mail_log_events; empty if it is none.
std::string_view message_id_of(std::string_view line);
LogLine parse_log_line(std::string_view line);
/// Whether it has the form of a queue id.
bool looks_like_queue_id(std::string_view text);

}  // namespace pennypost

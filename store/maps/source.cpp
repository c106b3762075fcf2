#include "store/maps/source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/descriptor.h"
#include "common/base/file.h"
#include "common/base/own_file.h"
#include "common/base/safe_open.h"
#include "common/base/text.h"
#include "common/mail/address.h"
#include "store/maps/alias_items.h"

namespace pennypost::store {
namespace {

bool is_ignored(std::string_view line) {
  auto text = trim(line);
  return text.empty() || text.front() == '#';
}

std::string_view without_line_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Removes a key from the front of `rest`; it ends before white space or one of `stops`.
Result<std::string> take_key(std::string_view& rest, std::string_view stops) {
  if (!rest.starts_with('"')) {
    std::size_t end = 0;
    while (end < rest.size() && !is_space(rest[end]) && stops.find(rest[end]) == stops.npos) ++end;
    std::string key(rest.substr(0, end));
    rest.remove_prefix(end);
    return key;
  }
  std::string key;
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      // "local part"@domain keeps its quotes: look-ups use the same form.
      if (i + 1 < rest.size() && rest[i + 1] == '@') {
        std::size_t end = i + 1;
        while (end < rest.size() && !is_space(rest[end]) && stops.find(rest[end]) == stops.npos)
          ++end;
        key = rest.substr(0, end);
        rest.remove_prefix(end);
        return key;
      }
      rest.remove_prefix(i + 1);
      return key;
    }
    if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
    key += rest[i];
  }
  return Error::temporary("the quote before the key is not closed");
}

// `key value`
Result<SourceEntry> parse_entry(std::string_view rest) {
  TRY(auto key, take_key(rest, ""));
  if (key.empty()) return Error::permanent("the key before the value is missing");
  rest = trim(rest);
  if (rest.empty()) {
    return Error::permanent("expected `key value`, there is no value after " + printable(key, 100));
  }
  if (key.size() > 1 && key.ends_with(':')) {
    return Error::permanent("the key " + printable(key, 100) +
                            " ends in a colon; for a file of aliases run newaliases");
  }
  return SourceEntry{std::move(key), std::string(rest), 0};
}

// Mail to something that is not an address could only be deferred until it expires.
Result<void> check_address(const AliasItem& item) {
  if (item.kind != AliasItem::Kind::Address) return {};
  std::string_view address = item.text;
  if (address.starts_with('\\')) address.remove_prefix(1);
  if (MailAddress::parse(address, Utf8::Allowed)) return {};
  return Error::temporary("\"" + printable(item.text, 100) + "\" is not an address");
}

// `name: value`
Result<SourceEntry> parse_alias(std::string_view rest) {
  TRY(auto key, take_key(rest, ":"));
  if (key.empty()) return Error::permanent("the name before the colon is missing");
  rest = trim(rest);
  if (!rest.starts_with(':')) {
    return Error::permanent("expected `name: value`, there is no colon");
  }
  auto value = trim(rest.substr(1));
  TRY(auto items, parse_alias_items(value));
  for (const auto& item : items) {
    TRY_DO(check_address(item));
  }
  if (items.empty()) {
    return Error::permanent("there is no recipient after " + printable(key, 100) +
                            ":; name an address, or /dev/null to throw its mail away");
  }
  return SourceEntry{std::move(key), std::string(value), 0};
}

}  // namespace

std::optional<LogicalLine> LogicalLines::next() {
  std::optional<LogicalLine> line;
  while (at_ < text_.size()) {
    auto end = std::min(text_.find('\n', at_), text_.size() - 1) + 1;
    auto physical = text_.substr(at_, end - at_);
    bool ignored = is_ignored(physical);
    if (!ignored && line && !is_space(physical.front())) break;
    if (!ignored) {
      if (!line) line = LogicalLine{"", number_, at_, end, is_space(physical.front())};
      line->text += without_line_end(physical);
      line->end = end;
    }
    at_ = end;
    ++number_;
  }
  if (line) line->text = trim(line->text);
  return line;
}

std::string reason_of_indented(const LogicalLine& line) {
  return "the line begins with white space but continues none; remove the blanks before \"" +
         printable(line.text, 60) + "\"";
}

Result<SourceEntry> parse_source_line(const LogicalLine& line, SourceSyntax syntax) {
  if (line.is_indented) return Error::permanent(reason_of_indented(line));
  return syntax == SourceSyntax::Aliases ? parse_alias(line.text) : parse_entry(line.text);
}

Result<std::vector<SourceEntry>> parse_source(std::string_view text, SourceSyntax syntax,
                                              const std::string& file, const SourceWarning& warn) {
  std::vector<SourceEntry> entries;
  LogicalLines lines(text);
  if (text.find('\0') != text.npos) {
    auto before = text.substr(0, text.find('\0'));
    return source_error(file, 1 + static_cast<std::size_t>(std::ranges::count(before, '\n')),
                        "a zero byte; this is not a text file");
  }
  while (auto line = lines.next()) {
    if (line->text.size() > source_line_bytes_max) {
      return source_error(
          file, line->number,
          "the line is longer than " + std::to_string(source_line_bytes_max) + " bytes");
    }
    auto entry = parse_source_line(*line, syntax);
    if (entry) {
      entry->line = line->number;
      entries.push_back(std::move(*entry));
      continue;
    }
    auto problem = source_error(file, line->number, entry.error().text());
    if (!warn || entry.error().is_temporary()) return problem;
    warn(problem.text() + "; the line is ignored");
  }
  return entries;
}

Result<std::string> read_source(const std::string& file) {
  // A link placed by somebody else could make root read a file that only root may read.
  Descriptor source = ::geteuid() == 0 ? open_trusted(file, {}, O_RDONLY)
                                       : Descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source) return Error::temporary(describe_refusal(file, errno));
  TRY(auto text, read_up_to(source.number(), source_file_bytes_max + 1, file));
  if (text.size() > source_file_bytes_max) {
    return Error::temporary(file + ": larger than " + std::to_string(source_file_bytes_max) +
                            " bytes");
  }
  return text;
}

Error source_error(const std::string& file, std::size_t line, const std::string& reason) {
  return Error::temporary(file + ":" + std::to_string(line) + ": " + reason);
}

}  // namespace pennypost::store

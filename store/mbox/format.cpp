#include "store/mbox/format.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <span>
#include <utility>

#include "common/base/text.h"
#include "common/mail/date.h"
#include "store/mailbox/keyword.h"

namespace pennypost::store {
namespace {

constexpr std::string_view from_mark = "From ";
constexpr std::string_view renamed_prefix = "X-Original-";
constexpr std::size_t keywords_padding = 48;
constexpr std::size_t base_padding = 64;

constexpr std::array<std::pair<std::string_view, MboxField>, 7> fields{{
    {"content-length:", MboxField::LengthLine},
    {"status:", MboxField::StatusLine},
    {"x-imap:", MboxField::BaseLine},
    {"x-imapbase:", MboxField::BaseLine},
    {"x-keywords:", MboxField::KeywordsLine},
    {"x-status:", MboxField::XStatusLine},
    {"x-uid:", MboxField::UidLine},
}};

constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

std::optional<int> small_number(std::string_view text, int least, int most) {
  auto number = parse_number(text);
  if (!number || text.size() > 4) return {};
  auto value = static_cast<int>(*number);
  if (value < least || value > most) return {};
  return value;
}

// "Www Mmm dd hh:mm[:ss] [zone] yyyy [zone]"; a numeric zone is used, others are taken as local
// time.
std::optional<std::int64_t> parse_date(const std::vector<std::string_view>& parts) {
  if (parts.size() < 5 || parts.size() > 7) return {};
  if (std::ranges::find(days, parts[0]) == days.end()) return {};
  auto month = std::ranges::find(months, parts[1]);
  auto day = small_number(parts[2], 1, 31);
  auto clock = split(parts[3], ':');
  if (month == months.end() || !day || clock.size() < 2 || clock.size() > 3) return {};
  auto hour = small_number(clock[0], 0, 23);
  auto minute = small_number(clock[1], 0, 59);
  auto second = clock.size() == 3 ? small_number(clock[2], 0, 60) : std::optional(0);
  std::optional<int> year;
  std::string_view zone;
  for (std::size_t i = 4; i < parts.size(); ++i) {
    if (auto number = small_number(parts[i], 1970, 9999); number && !year) {
      year = number;
    } else {
      zone = parts[i];
    }
  }
  if (!hour || !minute || !second || !year) return {};
  std::tm when{};
  when.tm_year = *year - 1900;
  when.tm_mon = static_cast<int>(month - months.begin());
  when.tm_mday = *day;
  when.tm_hour = *hour;
  when.tm_min = *minute;
  when.tm_sec = *second;
  when.tm_isdst = -1;
  if (zone.size() == 5 && (zone[0] == '+' || zone[0] == '-')) {
    auto hours = small_number(zone.substr(1, 2), 0, 23);
    auto minutes = small_number(zone.substr(3, 2), 0, 59);
    if (hours && minutes) {
      std::int64_t offset = *hours * 3600 + *minutes * 60;
      return std::int64_t{::timegm(&when)} - (zone[0] == '+' ? offset : -offset);
    }
  }
  return std::int64_t{std::mktime(&when)};
}

// Another program may have delivered the field as the sender wrote it.
void add_keywords(std::vector<std::string>& keywords, std::span<const std::string_view> found) {
  for (auto word : found) {
    if (is_keyword(word)) keywords.emplace_back(word);
  }
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

}  // namespace

std::optional<std::int64_t> parse_from_line(std::string_view line) {
  if (!line.starts_with(from_mark)) return {};
  auto parts = words(line.substr(from_mark.size()), " \t\r");
  // UUCP added the relaying host: `From ann Tue Nov 14 22:13:20 2023 remote from mail`.
  if (auto n = parts.size(); n > 3 && parts[n - 3] == "remote" && parts[n - 2] == "from") {
    parts.resize(n - 3);
  }
  // The sender may be missing, or have blanks in it: the date begins at the first day's name.
  for (std::size_t i = 0; i < parts.size() && i < 32; ++i) {
    if (std::ranges::find(days, parts[i]) == days.end()) continue;
    auto date = parse_date({parts.begin() + static_cast<std::ptrdiff_t>(i), parts.end()});
    if (date) return date;
  }
  return {};
}

std::string from_line(std::string_view sender, std::int64_t seconds) {
  std::string name = sender.empty() ? "MAILER-DAEMON" : std::string(sender);
  std::ranges::replace_if(
      name, [](char c) { return is_control(c) || is_space(c); }, '.');
  std::string line(from_mark);
  line.append(name).append(" ").append(format_ctime(local_date(seconds)));
  return line + "\n";
}

bool is_quoted_from(std::string_view line) {
  if (!line.starts_with('>')) return false;
  auto text = line.substr(std::min(line.find_first_not_of('>'), line.size()));
  return text.starts_with(from_mark);
}

MboxField field_of(std::string_view line) {
  for (auto [name, field] : fields) {
    if (starts_with_nocase(line, name)) return field;
  }
  return MboxField::None;
}

void MboxMeta::read(MboxField field, std::string_view text) {
  if (field == MboxField::UidLine) {
    auto number = parse_number(trim(text));
    uid.reset();
    if (number && *number > 0 && *number < UINT32_MAX)
      uid = Uid(static_cast<std::uint32_t>(*number));
  } else if (field == MboxField::StatusLine) {
    if (text.find('R') != std::string_view::npos) flags = flags | Flags::Seen;
    old = text.find('O') != std::string_view::npos;
  } else if (field == MboxField::XStatusLine) {
    if (text.find('A') != std::string_view::npos) flags = flags | Flags::Answered;
    if (text.find('F') != std::string_view::npos) flags = flags | Flags::Flagged;
    if (text.find('T') != std::string_view::npos) flags = flags | Flags::Draft;
    if (text.find('D') != std::string_view::npos) flags = flags | Flags::Deleted;
  } else if (field == MboxField::KeywordsLine) {
    add_keywords(keywords, words(text, " \t\r\n"));
  }
}

std::string MboxMeta::value(MboxField field) const {
  std::string text;
  switch (field) {
    case MboxField::UidLine:
      text = std::to_string(uid ? uid->value() : 0);
      return std::string(10 - text.size(), '0') + text;
    case MboxField::StatusLine:
      if (flags.has(Flags::Seen)) text += 'R';
      if (old) text += 'O';
      return text;
    case MboxField::XStatusLine:
      if (flags.has(Flags::Answered)) text += 'A';
      if (flags.has(Flags::Flagged)) text += 'F';
      if (flags.has(Flags::Draft)) text += 'T';
      if (flags.has(Flags::Deleted)) text += 'D';
      return text;
    case MboxField::KeywordsLine:
      return join(keywords, " ");
    default:
      return text;
  }
}

std::optional<MboxBase> MboxBase::parse(std::string_view value) {
  auto parts = words(value, " \t\r\n");
  if (parts.size() < 2) return {};
  auto validity = parse_number(parts[0]);
  auto last = parse_number(parts[1]);
  if (!validity || *validity == 0 || *validity > UINT32_MAX) return {};
  if (!last || *last >= UINT32_MAX) return {};
  MboxBase base;
  base.uid_validity = static_cast<std::uint32_t>(*validity);
  base.last_uid = static_cast<std::uint32_t>(*last);
  add_keywords(base.keywords, std::span(parts).subspan(2));
  return base;
}

std::string MboxBase::value() const {
  auto last = std::to_string(last_uid);
  auto text = std::to_string(uid_validity) + " " + std::string(10 - last.size(), '0') + last;
  for (const auto& keyword : keywords) text += " " + keyword;
  return text;
}

std::string meta_lines(const MboxMeta& meta, const MboxBase* base) {
  std::string lines;
  if (base != nullptr) lines += "X-IMAPbase: " + padded(base->value(), base_padding) + "\n";
  lines += "X-UID: " + meta.value(MboxField::UidLine) + "\n";
  lines += "Status: " + padded(meta.value(MboxField::StatusLine), 2) + "\n";
  lines += "X-Status: " + padded(meta.value(MboxField::XStatusLine), 4) + "\n";
  lines += "X-Keywords: " + padded(meta.value(MboxField::KeywordsLine), keywords_padding) + "\n";
  return lines;
}

// --- writing -------------------------------------------------------------------------

Result<void> MboxQuoter::add(std::string_view block) {
  out_.clear();
  while (!block.empty()) {
    if (!at_start_) {
      auto line_feed = block.find('\n');
      auto piece = block.substr(0, line_feed == std::string_view::npos ? line_feed : line_feed + 1);
      out_ += piece;
      block.remove_prefix(piece.size());
      at_start_ = line_feed != std::string_view::npos;
      continue;
    }
    begin_line(block.front());
    block.remove_prefix(1);
  }
  return out_.empty() ? Result<void>() : sink_(out_);
}

Result<void> MboxQuoter::finish() {
  out_.clear();
  // The line ends here, and that may make it an empty one.
  if (in_header_ && start_ == "\r") start_ += '\n';
  if (at_start_ && (!start_.empty() || after_mark_)) decide();
  if (!at_start_) out_ += '\n';
  if (in_header_) out_ += before_body_ + "\n";
  out_ += '\n';
  return sink_(out_);
}

// Adds one more character to the start of a line.
void MboxQuoter::begin_line(char next) {
  if (start_.empty() && next == '>') {
    out_ += '>';
    after_mark_ = true;
    return;
  }
  if (next == '\n' && start_.empty() && !after_mark_) {
    if (in_header_) out_ += before_body_;
    in_header_ = false;
    out_ += '\n';
    return;
  }
  start_ += next;
  if (!undecided()) decide();
}

// Whether the line may still turn out to be a From_ line, a quoted one, one of our fields, or empty
// but for its CR.
bool MboxQuoter::undecided() const {
  std::string_view text = start_;
  if (text.size() < from_mark.size() && from_mark.starts_with(text)) return true;
  if (!in_header_ || after_mark_) return false;
  if (text == "\r") return true;
  return std::ranges::any_of(fields, [text](const auto& field) {
    return text.size() < field.first.size() && starts_with_nocase(field.first, text);
  });
}

void MboxQuoter::decide() {
  if (start_.starts_with(from_mark)) {
    out_ += '>';
  } else if (in_header_ && !after_mark_ && field_of(start_) != MboxField::None) {
    out_ += renamed_prefix;
  } else if (in_header_ && !after_mark_ && start_ == "\r\n") {
    out_ += before_body_;
    in_header_ = false;
  }
  out_ += start_;
  at_start_ = start_.ends_with('\n');
  after_mark_ = false;
  start_.clear();
}

}  // namespace pennypost::store

#include "imapd/managesieve/command_reader.h"

#include <algorithm>

#include "common/base/text.h"

namespace pennypost::imap::managesieve {
namespace {

// Enough of a line that is skipped to recognise a literal's header at its end.
constexpr std::size_t tail_bytes = 32;

struct LiteralHeader {
  std::size_t begin = 0;
  std::uint64_t octets = 0;
  bool is_waited_for = false;  // `{9}`: without the plus sign
};

/// At the end of a line.
std::optional<LiteralHeader> literal_header(std::string_view line) {
  if (!line.ends_with('}')) return std::nullopt;
  auto begin = line.rfind('{');
  if (begin == line.npos) return std::nullopt;
  auto digits = line.substr(begin + 1, line.size() - begin - 2);
  bool is_waited_for = !digits.ends_with('+');
  if (!is_waited_for) digits.remove_suffix(1);
  auto octets = parse_number(digits);
  if (!octets) return std::nullopt;
  return LiteralHeader{begin, *octets, is_waited_for};
}

void skip_blanks(std::string_view& line) {
  while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
}

}  // namespace

void CommandReader::reset() {
  command_ = Command();
  error_.reset();
  state_ = State::Line;
  is_response_ = false;
  is_behind_literal_ = false;
  line_ = std::string();
  line_bytes_ = 0;
  literal_left_ = 0;
  skipped_ = 0;
}

CommandReader::Event CommandReader::finish(Event event) {
  state_ = State::Done;
  outcome_ = event;
  return event;
}

/// The first reason is told.
void CommandReader::refuse(Error why) {
  if (!error_) error_ = std::move(why);
}

CommandReader::Event CommandReader::take(std::string_view& input) {
  while (state_ != State::Done) {
    if (state_ == State::Line) {
      auto event = take_line(input);
      if (event != Event::NeedBytes || state_ == State::Line) return event;
      continue;
    }
    if (literal_left_ > 0 && input.empty()) return Event::NeedBytes;
    auto part = input.substr(0, std::min<std::uint64_t>(literal_left_, input.size()));
    input.remove_prefix(part.size());
    literal_left_ -= part.size();
    if (error_) {
      skipped_ += part.size();
      if (skipped_ > skipped_bytes_max) return finish(Event::Abandon);
    } else {
      command_.arguments.back().text += part;
    }
    if (literal_left_ == 0) state_ = State::Line;
  }
  return outcome_;
}

/// NeedBytes with another state: a literal begins.
CommandReader::Event CommandReader::take_line(std::string_view& input) {
  auto end = input.find('\n');
  auto part = input.substr(0, end);
  line_bytes_ += part.size();
  if (line_bytes_ > limits_.line_bytes) {
    refuse(Error(501, "a command may have " + std::to_string(limits_.line_bytes) +
                          " octets outside its literals (managesieve_max_line_length)"));
  }
  line_ += part;
  if (error_) {
    skipped_ += part.size();
    if (line_.size() > tail_bytes) line_.erase(0, line_.size() - tail_bytes);
    if (skipped_ > skipped_bytes_max) return finish(Event::Abandon);
  }
  bool is_whole = end != input.npos;
  input.remove_prefix(part.size() + (is_whole ? 1 : 0));
  return is_whole ? end_of_line() : Event::NeedBytes;
}

CommandReader::Event CommandReader::end_of_line() {
  std::string line = std::exchange(line_, {});
  if (line.ends_with('\r')) line.pop_back();
  auto header = literal_header(line);
  if (is_behind_literal_ && !line.empty() && !is_blank(line.front())) {
    refuse(Error(501, "a blank is missing between arguments"));
  }
  if (!error_) {
    auto parsed = parse(std::string_view(line).substr(0, header ? header->begin : line.npos));
    if (!parsed) refuse(parsed.error());
  }
  if (!header) return finish(error_ ? Event::Refused : Event::Complete);
  if (header->is_waited_for) {
    refuse(Error(501,
                 "a literal's header ends in +, as in {" + std::to_string(header->octets) + "+}"));
  }
  begin_literal(header->octets);
  return Event::NeedBytes;
}

void CommandReader::begin_literal(std::uint64_t octets) {
  literal_left_ = octets;
  is_behind_literal_ = true;
  state_ = State::Literal;
  if (error_) return;
  if (octets > limits_.literal_bytes) {
    refuse(Error(552, ResponseCode::OverQuota,
                 "a script may have " + std::to_string(limits_.literal_bytes) +
                     " octets (sieve_max_script_size)"));
    return;
  }
  auto added = add({});
  if (!added) refuse(added.error());
}

Result<void> CommandReader::add(Argument argument) {
  if (command_.name.empty() && !is_response_) return Error(501, "a command begins with its name");
  if (command_.arguments.size() == arguments_max) return Error(501, "too many arguments");
  command_.arguments.push_back(std::move(argument));
  return {};
}

Result<void> CommandReader::parse(std::string_view line) {
  if (line.find('\0') != line.npos) return Error(501, "NUL outside a literal");
  for (;;) {
    skip_blanks(line);
    if (line.empty()) break;
    if (command_.name.empty() && !is_response_) {
      TRY_DO(parse_name(line));
    } else if (line.front() == '"') {
      TRY_DO(parse_quoted(line));
    } else if (is_digit(line.front())) {
      TRY_DO(parse_number_at(line));
    } else {
      return Error(501, "an argument is a string in quotes, a literal or a number");
    }
    if (!line.empty() && !is_blank(line.front())) {
      return Error(501, "a blank is missing between arguments");
    }
  }
  return {};
}

Result<void> CommandReader::parse_name(std::string_view& line) {
  auto end = std::min(line.find_first_of(" \t"), line.size());
  auto name = line.substr(0, end);
  bool is_name = name.size() <= name_bytes_max && std::ranges::all_of(name, [](char c) {
                   return to_upper(c) >= 'A' && to_upper(c) <= 'Z';
                 });
  if (!is_name) return Error(501, "a command begins with its name");
  command_.name = upper(name);
  line.remove_prefix(end);
  return {};
}

/// RFC 5804 section 4: a backslash stands before a quote or another one.
Result<void> CommandReader::parse_quoted(std::string_view& line) {
  Argument argument;
  for (std::size_t at = 1; at < line.size(); ++at) {
    char c = line[at];
    if (c == '"') {
      line.remove_prefix(at + 1);
      return add(std::move(argument));
    }
    if (c == '\\') {
      if (++at == line.size()) break;
      c = line[at];
      if (c != '"' && c != '\\') return Error(501, "in quotes only \\\" and \\\\ may be escaped");
    }
    if (c == '\r') return Error(501, "a line end can only be in a literal");
    argument.text += c;
  }
  return Error(501, "a string has no closing quote");
}

Result<void> CommandReader::parse_number_at(std::string_view& line) {
  auto end = std::min(line.find_first_not_of("0123456789"), line.size());
  auto number = parse_number(line.substr(0, end));
  if (!number || *number > number_max) return Error(501, "a number is too large");
  line.remove_prefix(end);
  return add({true, *number, {}});
}

}  // namespace pennypost::imap::managesieve

#include "imapd/admin/call.h"

#include <unistd.h>

#include <chrono>
#include <iostream>
#include <ostream>

#include "common/base/json_text.h"
#include "common/base/text.h"

namespace pennypost::imap {
namespace {

constexpr std::int64_t progress_interval_ms = 1000;

std::int64_t now_ms() {
  using namespace std::chrono;  // NOLINT: the units
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

std::string json_of(const OutputCell& cell) {
  return cell.kind == OutputCell::Kind::Text ? json_string(cell.value) : cell.value;
}

/// Takes the long option at `at`, and its value, which moves `at`; false if there is none of that
/// name in `known`.
Result<bool> take_option(AdminCall& call, std::span<const std::string> arguments, std::size_t& at,
                         std::string_view known) {
  std::string_view name = arguments[at];
  if (!name.starts_with("--")) return false;
  name.remove_prefix(2);
  for (auto option : words(known, " ")) {
    bool has_value = option.ends_with('=');
    if (has_value) option.remove_suffix(1);
    if (option != name) continue;
    auto& values = call.options[std::string(name)];
    if (!has_value) return true;
    if (at + 1 == arguments.size()) return Error(501, arguments[at] + " needs a value");
    values.push_back(arguments[++at]);
    if (name == "to") call.users.push_back(values.back());
    return true;
  }
  return false;
}

}  // namespace

std::string AdminCall::value(std::string_view option) const {
  auto found = options.find(option);
  return found == options.end() || found->second.empty() ? "" : found->second.back();
}

Result<AdminCall> AdminCall::parse(std::span<const std::string> arguments, const Form& form) {
  auto letters = form.letters;
  AdminCall call;
  if (arguments.size() > arguments_max) return Error(501, "too many arguments");
  std::size_t i = 0;
  for (; i < arguments.size(); ++i) {
    const auto& argument = arguments[i];
    if (argument == "--") {
      ++i;
      break;
    }
    TRY(bool is_long, take_option(call, arguments, i, form.options));
    if (is_long) continue;
    if (argument.size() < 2 || argument.front() != '-') {
      if (!form.has_second_name || !call.words.empty()) break;
      call.words.push_back(argument);
    } else if (argument == "-c" || argument == "-o" || argument == "-u") {
      if (i + 1 == arguments.size()) return Error(501, argument + " needs a value");
      const auto& value = arguments[++i];
      if (argument == "-c") call.load.directory = value;
      if (argument == "-o") call.load.overrides.push_back(value);
      if (argument == "-u") call.users.push_back(value);
    } else if (argument == "--json") {
      call.as_json = true;
    } else if (argument == "-A") {
      call.is_for_all = true;
    } else if (argument.size() == 2 && letters.find(argument[1]) != letters.npos) {
      call.letters += argument[1];
    } else {
      return Error(501, "unknown option " + printable(argument, 40));
    }
  }
  call.words.insert(call.words.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i),
                    arguments.end());
  if (call.is_for_all != call.users.empty()) {
    return Error(501, call.is_for_all ? "give either -u or -A, not both"
                                      : "whose mail? -u USER names one, -A stands for all");
  }
  return call;
}

void AdminOutput::row(Form form, std::span<const OutputCell> cells) {
  if (!as_json_) return text_row(form, cells);
  std::string line = "{";
  for (const auto& cell : cells) {
    add(line, line.size() > 1 ? "," : "", json_string(cell.name), ":", json_of(cell));
  }
  out_ << line << "}\n";
}

void AdminOutput::text_row(Form form, std::span<const OutputCell> cells) {
  bool is_first = true;
  for (const auto& cell : cells) {
    if (cell.is_only_json) continue;
    if (form == Form::Pager) {
      bool has_lines = cell.value.find('\n') != cell.value.npos;
      out_ << cell.name << (has_lines ? ":\n" : ": ") << cell.value << "\n";
      continue;
    }
    if (!is_first) out_ << ' ';
    if (form == Form::Flow && !is_first) out_ << cell.name << '=';
    out_ << cell.value;
    is_first = false;
  }
  out_ << (form == Form::Pager ? "\f\n" : "\n");
}

AdminProgress::AdminProgress(std::string what, std::uint64_t total)
    : what_(std::move(what)),
      total_(total),
      next_ms_(now_ms() + progress_interval_ms),
      is_terminal_(::isatty(STDERR_FILENO) == 1) {}

AdminProgress::~AdminProgress() {
  if (is_shown_) std::cerr << "\r\x1b[K" << std::flush;
}

void AdminProgress::add(std::uint64_t count) {
  done_ += count;
  if (!is_terminal_ || now_ms() < next_ms_) return;
  next_ms_ = now_ms() + progress_interval_ms;
  is_shown_ = true;
  std::cerr << "\r\x1b[K" << printable(what_, 200) << ": " << done_ << " of " << total_
            << std::flush;
}

Result<store::MailboxName> AdminAccount::mailbox_name(const std::string& text) const {
  auto name = store.parse_name(text);
  if (name) return name;
  return Error(name.error().code(), name.error().response_code(),
               "\"" + printable(text, 200) + "\": " + name.error().text());
}

std::vector<OutputCell> AdminAccount::row_begin() const {
  OutputCell user("user", account.name);
  user.is_only_json = !call.shows_user;
  std::vector<OutputCell> cells;
  cells.push_back(std::move(user));
  return cells;
}

}  // namespace pennypost::imap

#include "common/config/transports.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/config/kinds.h"

namespace pennypost {
namespace {

constexpr std::array kind_names{
    std::string_view("smtp"),  std::string_view("relay"), std::string_view("lmtp"),
    std::string_view("pipe"),  std::string_view("local"), std::string_view("virtual"),
    std::string_view("error"), std::string_view("retry"), std::string_view("discard")};

constexpr std::array pipe_keys{std::string_view("argv"),        std::string_view("directory"),
                               std::string_view("eol"),         std::string_view("flags"),
                               std::string_view("null_sender"), std::string_view("size"),
                               std::string_view("time_limit"),  std::string_view("user")};

constexpr std::string_view pipe_flags = "BDFORXhqu.>";

constexpr std::array pipe_macros{std::string_view("client_address"),
                                 std::string_view("client_helo"),
                                 std::string_view("client_hostname"),
                                 std::string_view("client_protocol"),
                                 std::string_view("domain"),
                                 std::string_view("extension"),
                                 std::string_view("mailbox"),
                                 std::string_view("nexthop"),
                                 std::string_view("original_recipient"),
                                 std::string_view("queue_id"),
                                 std::string_view("recipient"),
                                 std::string_view("sasl_method"),
                                 std::string_view("sasl_username"),
                                 std::string_view("sender"),
                                 std::string_view("size"),
                                 std::string_view("user")};

/// `\n`, `\r`, `\t`, `\\` as in C.
Result<std::string> line_end_of(std::string_view text) {
  std::string end;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      end += text[i];
      continue;
    }
    char next = ++i < text.size() ? text[i] : '\0';
    if (next != 'n' && next != 'r' && next != 't' && next != '\\') {
      return Error::permanent("write \\n or \\r\\n");
    }
    end += next == 'n' ? '\n' : next == 'r' ? '\r' : next == 't' ? '\t' : '\\';
  }
  if (end.empty()) return Error::permanent("is empty; write \\n or \\r\\n");
  return end;
}

class PipeReader {
 public:
  PipeReader(const OwnSection& section, std::vector<std::string>& errors)
      : section_(section), errors_(errors) {}

  PipeCommand read() {
    arguments();
    user();
    flags();
    rest();
    return std::move(pipe_);
  }

 private:
  void error(std::string_view key, const std::string& what) {
    errors_.push_back(section_.where_of(key) + ": " + section_.title() + "." + std::string(key) +
                      ": " + what);
  }
  bool is_given(std::string_view key) const { return section_.own.contains(key); }

  void arguments() {
    auto given = split_arguments(section_.text("argv"));
    if (!given) return error("argv", given.error().text());
    if (given->empty()) {
      return error("argv",
                   "names no command; write argv = \"/path/command -f ${sender} -- "
                   "${recipient}\"");
    }
    for (const auto& argument : *given) {
      std::string unknown;
      auto walked = walk_argument(
          argument, [](std::string_view) {},
          [&](std::string_view name) {
            if (!is_pipe_macro(name)) unknown = name;
          });
      if (!walked) return error("argv", printable(argument, 100) + ": " + walked.error().text());
      if (!unknown.empty()) {
        return error("argv", "there is no macro ${" + unknown + "}; there are " +
                                 join({pipe_macros.begin(), pipe_macros.end()}, ", "));
      }
      if (argument.find('\0') != argument.npos) return error("argv", "holds a NUL");
    }
    if (given->front().find('$') != std::string::npos) {
      return error("argv", "the command itself may not depend on the message; write its path");
    }
    if (!given->front().starts_with('/')) {
      return error("argv", "\"" + printable(given->front(), 100) +
                               "\" is not an absolute path; write /path/command");
    }
    pipe_.arguments = *std::move(given);
  }

  /// As in Postfix, the command never runs with the rights of root or of the mail system; which uid
  /// the name has is looked up when the command is run.
  void user() {
    std::string text = section_.text("user");
    auto colon = text.find(':');
    pipe_.user = text.substr(0, colon);
    if (colon != text.npos) pipe_.group = text.substr(colon + 1);
    if (pipe_.user.empty() || (colon != text.npos && pipe_.group.empty())) {
      return error("user",
                   "names nobody; write user = \"name\" or \"name:group\", the account that "
                   "runs the command");
    }
    if (pipe_.user == "root" || pipe_.group == "root") {
      error("user", "the command may not run as root; make an account for it");
    }
  }

  void flags() {
    pipe_.flags = section_.text("flags");
    auto unknown = pipe_.flags.find_first_not_of(pipe_flags);
    if (unknown == pipe_.flags.npos) return;
    error("flags", "\"" + printable(pipe_.flags.substr(unknown, 1)) +
                       "\" is no flag of pipe; there are " + std::string(pipe_flags));
  }

  void rest() {
    pipe_.directory = section_.text("directory");
    if (is_given("directory") && !pipe_.directory.starts_with('/')) {
      error("directory", "is not an absolute path; write /path");
    }
    if (is_given("null_sender")) pipe_.null_sender = section_.text("null_sender");
    if (is_given("eol")) {
      auto end = line_end_of(section_.text("eol"));
      if (!end) return error("eol", end.error().text());
      pipe_.line_end = *std::move(end);
    }
    if (is_given("size")) {
      auto size =
          kinds::SizeLimit::parse(section_.text("size"), kinds::between(0, 9007199254740991));
      if (!size) return error("size", size.error().text());
      pipe_.message_bytes_max = *size;
    }
    if (is_given("time_limit")) {
      auto time = kinds::Duration::parse(section_.text("time_limit"), kinds::between(1, 86400));
      if (!time) return error("time_limit", time.error().text());
      pipe_.time_limit = *time;
    }
  }

  const OwnSection& section_;
  std::vector<std::string>& errors_;
  PipeCommand pipe_;
};

/// The position of the brace that closes the one at `open`; npos if there is none.
std::size_t closing_brace(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && --depth == 0) return i;
  }
  return text.npos;
}

}  // namespace

std::string_view name_of(TransportKind kind) { return kind_names[static_cast<std::size_t>(kind)]; }

std::optional<TransportKind> parse_transport_kind(std::string_view name) {
  auto found = std::ranges::find(kind_names, name);
  if (found == kind_names.end()) return std::nullopt;
  return static_cast<TransportKind>(found - kind_names.begin());
}

std::optional<TransportKind> built_in_transport(std::string_view name) {
  auto kind = parse_transport_kind(name);
  return kind == TransportKind::Pipe ? std::nullopt : kind;
}

std::vector<std::string_view> own_keys_of(TransportKind kind) {
  if (kind != TransportKind::Pipe) return {};
  return {pipe_keys.begin(), pipe_keys.end()};
}

OwnTransport read_transport(const OwnSection& section, std::vector<std::string>& errors) {
  OwnTransport transport;
  transport.name = section.name;
  transport.where = section.where;
  transport.kind = *parse_transport_kind(section.text("kind"));
  if (transport.kind == TransportKind::Pipe) transport.pipe = PipeReader(section, errors).read();
  return transport;
}

Result<std::vector<std::string>> split_arguments(std::string_view text) {
  std::vector<std::string> arguments;
  for (std::size_t at = 0;;) {
    at = text.find_first_not_of(" \t\r\n", at);
    if (at == text.npos) return arguments;
    if (arguments.size() == pipe_arguments_max) {
      return Error::permanent("has more than " + std::to_string(pipe_arguments_max) + " arguments");
    }
    if (text[at] != '{') {
      auto end = std::min(text.find_first_of(" \t\r\n", at), text.size());
      arguments.emplace_back(text.substr(at, end - at));
      at = end;
      continue;
    }
    auto end = closing_brace(text, at);
    bool is_apart = end != text.npos && (end + 1 == text.size() || is_space(text[end + 1]));
    if (!is_apart) {
      return Error::permanent("braces around an argument do not match; write {an argument}");
    }
    arguments.emplace_back(text.substr(at + 1, end - at - 1));
    at = end + 1;
  }
}

Result<std::string> argument_text(std::string_view argument) {
  bool is_plain = !argument.empty() && argument.front() != '{' &&
                  argument.find_first_of(" \t\r\n") == argument.npos;
  if (is_plain) return std::string(argument);
  std::string text = "{" + std::string(argument) + "}";
  if (closing_brace(text, 0) == text.size() - 1) return text;
  return Error::permanent("an argument with blanks has braces that do not match");
}

bool is_pipe_macro(std::string_view name) {
  return std::ranges::find(pipe_macros, name) != pipe_macros.end();
}

}  // namespace pennypost

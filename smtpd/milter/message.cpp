#include "smtpd/milter/message.h"

#include <algorithm>

#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

std::string field_text(const MilterReply& change, bool keeps_space) {
  std::string field = change.name + ":";
  if (!keeps_space) field += ' ';
  bool is_first = true;
  for (std::string_view line : split(change.value, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!is_first) {
      if (trim(line).empty()) continue;
      field += '\n';
      if (!is_blank(line.front())) field += '\t';
    }
    field += line;
    is_first = false;
  }
  std::erase(field, '\r');
  return field + '\n';
}

/// Where the field at this place of all begins, or the end.
std::size_t place_of(std::string_view header, std::uint32_t index) {
  for (const HeaderField& field : HeaderFields(header)) {
    if (index-- == 0) return static_cast<std::size_t>(field.whole.data() - header.data());
  }
  return header.size();
}

std::string command_argument(std::string_view verb, std::string_view address,
                             std::string_view parameters) {
  if (address.starts_with('<') && address.ends_with('>')) {
    address = address.substr(1, address.size() - 2);
  }
  std::string all = std::string(verb) + "<" + std::string(address) + ">";
  if (!parameters.empty()) add(all, ' ', parameters);
  return all;
}

}  // namespace

Result<RcptCommand> parse_milter_recipient(std::string_view address, std::string_view parameters) {
  return parse_rcpt_command(command_argument("TO:", address, parameters), Utf8::Allowed);
}

Result<MailCommand> parse_milter_sender(std::string_view address, std::string_view parameters) {
  std::string argument = command_argument("FROM:", address, parameters);
  if (!is_ascii(address)) argument += " SMTPUTF8";
  return parse_mail_command(argument);
}

std::vector<std::string> milter_words(const MailAddress& address, std::string_view arguments) {
  std::vector<std::string> given{"<" + address.text() + ">"};
  auto end = arguments.find('>');
  bool is_path = end != arguments.npos;
  auto rest = words(is_path ? arguments.substr(end + 1) : arguments, " \t");
  for (std::size_t i = is_path ? 0 : 1; i < rest.size(); ++i) given.emplace_back(rest[i]);
  return given;
}

std::vector<Edit> header_change(std::string_view header, const MilterReply& change,
                                bool keeps_space) {
  using Kind = MilterReply::Kind;
  std::string field = field_text(change, keeps_space);
  if (change.kind == Kind::AddHeader) return {{header.size(), 0, std::move(field)}};
  if (change.kind == Kind::InsertHeader) {
    return {{place_of(header, change.index), 0, std::move(field)}};
  }
  bool is_removal = change.value.empty();
  SeenFields is_seen;
  std::uint32_t left = std::max<std::uint32_t>(change.index, 1);
  for (const HeaderField& present : HeaderFields(header)) {
    bool is_hidden = !is_seen(present);
    if (is_hidden || !present.is(change.name) || --left > 0) continue;
    auto at = static_cast<std::size_t>(present.whole.data() - header.data());
    return {{at, present.whole.size(), is_removal ? std::string() : std::move(field)}};
  }
  if (is_removal) return {};
  return {{header.size(), 0, std::move(field)}};
}

}  // namespace pennypost::smtp

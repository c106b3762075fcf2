#include "smtpd/milter/protocol.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

using Kind = MilterReply::Kind;

/// What follows the byte of an answer.
enum class Form { Nothing, Text, TextAndMore, TwoTexts, NumberAndTwoTexts, Bytes };
struct Row {
  char byte;
  Kind kind;
  Form form;
  std::string_view name;  // libmilter's
};
constexpr std::array rows{
    Row{'+', Kind::AddRecipient, Form::Text, "SMFIR_ADDRCPT"},
    Row{'-', Kind::DeleteRecipient, Form::Text, "SMFIR_DELRCPT"},
    Row{'2', Kind::AddRecipient, Form::TextAndMore, "SMFIR_ADDRCPT_PAR"},
    Row{'4', Kind::Shutdown, Form::Nothing, "SMFIR_SHUTDOWN"},
    Row{'a', Kind::Accept, Form::Nothing, "SMFIR_ACCEPT"},
    Row{'b', Kind::ReplaceBody, Form::Bytes, "SMFIR_REPLBODY"},
    Row{'c', Kind::Continue, Form::Nothing, "SMFIR_CONTINUE"},
    Row{'d', Kind::Discard, Form::Nothing, "SMFIR_DISCARD"},
    Row{'e', Kind::ChangeSender, Form::TextAndMore, "SMFIR_CHGFROM"},
    Row{'h', Kind::AddHeader, Form::TwoTexts, "SMFIR_ADDHEADER"},
    Row{'i', Kind::InsertHeader, Form::NumberAndTwoTexts, "SMFIR_INSHEADER"},
    Row{'m', Kind::ChangeHeader, Form::NumberAndTwoTexts, "SMFIR_CHGHEADER"},
    Row{'p', Kind::Progress, Form::Nothing, "SMFIR_PROGRESS"},
    Row{'q', Kind::Quarantine, Form::Text, "SMFIR_QUARANTINE"},
    Row{'r', Kind::Reject, Form::Nothing, "SMFIR_REJECT"},
    Row{'s', Kind::Skip, Form::Nothing, "SMFIR_SKIP"},
    Row{'t', Kind::TemporaryFailure, Form::Nothing, "SMFIR_TEMPFAIL"},
    Row{'y', Kind::ReplyCode, Form::Text, "SMFIR_REPLYCODE"},
};
static_assert(std::ranges::is_sorted(rows, {}, &Row::byte), "found by halves");

Error malformed(std::string what) { return Error::temporary("4.3.0", std::move(what)); }

void put_number(std::string& data, std::uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) data += static_cast<char>(number >> shift & 0xff);
}

/// Takes the parts of a packet's data from its front.
class Data {
 public:
  explicit Data(std::string_view bytes) : rest_(bytes) {}
  std::string_view rest() const { return rest_; }

  std::optional<std::uint32_t> number() {
    if (rest_.size() < 4) return std::nullopt;
    std::uint32_t value = 0;
    for (char byte : rest_.substr(0, 4)) value = value << 8 | static_cast<unsigned char>(byte);
    rest_.remove_prefix(4);
    return value;
  }
  std::optional<std::string> text() {
    auto end = rest_.find('\0');
    if (end == rest_.npos) return std::nullopt;
    std::string value(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return value;
  }

 private:
  std::string_view rest_;
};

/// Fills the reply from the data; false if that does not have the row's form.
bool read(Data& data, Form form, MilterReply& reply) {
  if (form == Form::Bytes) {
    reply.value = data.rest();
    return true;
  }
  if (form == Form::Nothing) return data.rest().empty();
  if (form == Form::NumberAndTwoTexts) {
    auto index = data.number();
    if (!index) return false;
    reply.index = *index;
  }
  auto name = data.text();
  if (!name) return false;
  reply.name = *std::move(name);
  bool has_second = form == Form::TwoTexts || form == Form::NumberAndTwoTexts ||
                    (form == Form::TextAndMore && !data.rest().empty());
  if (has_second) {
    auto value = data.text();
    if (!value) return false;
    reply.value = *std::move(value);
  }
  return data.rest().empty();
}

}  // namespace

std::uint32_t milter_events::of_version(std::uint32_t version) {
  constexpr std::uint32_t two =
      no_connect | no_helo | no_mail | no_rcpt | no_body | no_header | no_end_of_header;
  if (version < 3) return two;
  if (version < 4) return two | no_unknown;
  if (version < 6) return two | no_unknown | no_data;
  return (keeps_header_space << 1) - 1;
}

std::string milter_packet(MilterEvent event, std::string_view data) {
  std::string packet;
  packet.reserve(data.size() + 5);
  put_number(packet, static_cast<std::uint32_t>(data.size() + 1));
  packet += static_cast<char>(event);
  packet += data;
  return packet;
}

std::string milter_offer_data(std::uint32_t version, std::uint32_t actions, std::uint32_t events) {
  std::string data;
  put_number(data, version);
  put_number(data, actions);
  put_number(data, events);
  return data;
}

void put_milter_text(std::string& data, std::string_view text) {
  data += text.substr(0, text.find('\0'));
  data += '\0';
}

Result<std::optional<std::size_t>> milter_packet_size(std::string_view bytes) {
  Data data(bytes);
  auto size = data.number();
  if (!size) return std::optional<std::size_t>();
  if (*size == 0 || *size > milter_packet_bytes_max) {
    return malformed("a packet of " + std::to_string(*size) + " bytes; 1 to " +
                     std::to_string(milter_packet_bytes_max) + " are allowed");
  }
  return std::optional<std::size_t>(*size);
}

Result<MilterOffer> parse_milter_offer(std::string_view bytes) {
  Data data(bytes);
  MilterOffer offer;
  for (auto* into : {&offer.version, &offer.actions, &offer.events}) {
    auto number = data.number();
    if (!number) return malformed("its part of the negotiation is too short");
    *into = *number;
  }
  constexpr std::size_t stages_max = 100;  // there are seven; a milter may know more than we
  while (!data.rest().empty()) {
    auto stage = data.number();
    auto names = data.text();
    if (!stage || !names || offer.macros.size() >= stages_max) {
      return malformed("its part of the negotiation has a malformed list of macros");
    }
    offer.macros.emplace_back(*stage, *std::move(names));
  }
  return offer;
}

Result<MilterReply> parse_milter_reply(std::string_view packet) {
  ASSERT(!packet.empty());
  auto row = std::ranges::lower_bound(rows, packet.front(), {}, &Row::byte);
  if (row == rows.end() || row->byte != packet.front()) {
    return malformed("an unknown answer \"" + printable(packet.substr(0, 1)) + "\"");
  }
  MilterReply reply;
  reply.kind = row->kind;
  Data data(packet.substr(1));
  if (!read(data, row->form, reply)) {
    return malformed("malformed data after " + std::string(row->name));
  }
  bool is_only_text = reply.kind == Kind::ReplyCode || reply.kind == Kind::Quarantine;
  if (is_only_text) reply.value = std::exchange(reply.name, {});
  if (reply.kind == Kind::ReplyCode && !is_milter_reply_text(reply.value)) {
    return malformed("a malformed reply: \"" + printable(reply.value, 100) + "\"");
  }
  bool is_header = reply.kind == Kind::ChangeHeader || reply.kind == Kind::AddHeader ||
                   reply.kind == Kind::InsertHeader;
  if (is_header && reply.name.empty()) return malformed("a header without a name");
  return reply;
}

bool is_milter_reply_text(std::string_view text) {
  std::string_view code = text.substr(0, 3);
  bool is_code = code.size() == 3 && (code[0] == '4' || code[0] == '5') && is_digit(code[1]) &&
                 is_digit(code[2]);
  if (!is_code) return false;
  for (;;) {
    auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    bool is_last = end + 1 >= text.size();
    bool is_right =
        line.starts_with(code) && (line.size() == 3 || line[3] == (is_last ? ' ' : '-'));
    if (!is_right) return false;
    if (is_last) return true;
    text.remove_prefix(end + 1);
  }
}

}  // namespace pennypost::smtp

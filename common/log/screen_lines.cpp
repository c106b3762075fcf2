#include "common/log/screen_lines.h"

#include <string>

#include "common/base/text.h"
#include "common/log/line.h"
#include "common/log/log.h"

namespace pennypost {
namespace {

constexpr std::string_view component = "postscreen";
constexpr std::size_t input_shown_bytes_max = 100;  // as in Postfix

/// What a client sent, with `\r`, `\n`, `\t`, `\\` and octal numbers for what is not printable.
std::string escaped(std::string_view input) {
  std::string text;
  for (char c : input) {
    if (text.size() >= input_shown_bytes_max) break;
    auto byte = static_cast<unsigned char>(c);
    if (c == '\r') {
      text += "\\r";
    } else if (c == '\n') {
      text += "\\n";
    } else if (c == '\t') {
      text += "\\t";
    } else if (c == '\\') {
      text += "\\\\";
    } else if (is_control(c) || !is_ascii(c)) {
      text += '\\';
      for (int shift : {6, 3, 0}) text += static_cast<char>('0' + ((byte >> shift) & 7));
    } else {
      text += c;
    }
  }
  return text;
}

/// `BARE NEWLINE from [192.0.2.7]:4711 after EHLO x`
void add_fault(LineDraft& line, std::string_view what, const ScreenedPeer& peer,
               std::string_view after) {
  line.value("action", log_field(what)).words(" from ").value("client", log_field(peer.client));
  line.words(" after ").value("stage", escaped(after));
}

}  // namespace

void log_screened(const ScreenedPeer& peer) {
  LineDraft line;
  line.value("action", "CONNECT").words(" from ").value("client", log_field(peer.client));
  line.words(" to ").value("server", log_field(peer.server)).write(component);
}

void log_screen_verdict(std::string_view what, const ScreenedPeer& peer) {
  LineDraft line;
  line.value("action", log_field(what)).words(" ").value("client", log_field(peer.client));
  line.write(component);
}

void log_pregreet(const ScreenedPeer& peer, Microseconds after, std::string_view input) {
  LineDraft line;
  line.value("action", "PREGREET").words(" ").value("size", std::to_string(input.size()), true);
  line.words(" after ").value("delay", delay_text(after), true).words(" from ");
  line.value("client", log_field(peer.client)).words(": ").value("input", escaped(input));
  line.write(component);
}

void log_dnsbl_rank(const ScreenedPeer& peer, long rank) {
  LineDraft line;
  line.value("action", "DNSBL rank").words(" ").value("rank", std::to_string(rank), true);
  line.words(" for ").value("client", log_field(peer.client)).write(component);
}

void log_dnsbl_listing(std::string_view address, std::string_view zone, std::string_view reply) {
  LineDraft line;
  line.words("addr ").value("address", log_field(address)).words(" listed by domain ");
  line.value("zone", log_field(zone)).words(" as ").value("reply", log_field(reply));
  line.write("dnsblog");
}

void log_screen_fault(std::string_view what, const ScreenedPeer& peer, std::string_view after) {
  LineDraft line;
  add_fault(line, what, peer, after);
  line.write(component);
}

void log_screen_fault(std::string_view what, const ScreenedPeer& peer, std::string_view after,
                      std::string_view input) {
  LineDraft line;
  add_fault(line, what, peer, after);
  line.words(": ").value("input", escaped(input)).write(component);
}

void log_screen_hangup(const ScreenedPeer& peer, Microseconds after, std::string_view stage) {
  LineDraft line;
  line.value("action", "HANGUP").words(" after ").value("delay", delay_text(after), true);
  line.words(" from ").value("client", log_field(peer.client)).words(" in tests ");
  line.value("stage", log_field(stage)).words(" SMTP handshake").write(component);
}

void log_screened_recipient(const ScreenedPeer& peer, const ScreenedRecipient& recipient) {
  LineDraft line("");
  line.value("action", "reject").words(": RCPT from ").value("client", log_field(peer.client));
  line.words(": ").value("reply", log_field(recipient.reply));
  line.bracketed("; ", "from", recipient.sender).bracketed(", ", "to", recipient.recipient);
  line.key(", ", "proto", recipient.protocol).bracketed(", ", "helo", recipient.helo);
  line.write(component);
}

}  // namespace pennypost

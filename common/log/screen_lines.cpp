#include "common/log/screen_lines.h"

#include <string>

#include "common/base/text.h"
#include "common/log/log.h"
#include "common/log/sink.h"

namespace pennypost {
namespace {

constexpr std::string_view component = "postscreen";
constexpr std::size_t input_shown_bytes_max = 100;  // as in Postfix

void write(std::string_view text) { log_sink().write(Severity::Info, component, text); }

std::string field(std::string_view text) { return printable(text, 500); }

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

}  // namespace

void log_screened(const ScreenedPeer& peer) {
  write("CONNECT from " + field(peer.client) + " to " + field(peer.server));
}

void log_screen_verdict(std::string_view what, const ScreenedPeer& peer) {
  write(field(what) + " " + field(peer.client));
}

void log_pregreet(const ScreenedPeer& peer, Microseconds after, std::string_view input) {
  write("PREGREET " + std::to_string(input.size()) + " after " + delay_text(after) + " from " +
        field(peer.client) + ": " + escaped(input));
}

void log_dnsbl_rank(const ScreenedPeer& peer, long rank) {
  write("DNSBL rank " + std::to_string(rank) + " for " + field(peer.client));
}

void log_dnsbl_listing(std::string_view address, std::string_view zone, std::string_view reply) {
  log_sink().write(
      Severity::Info, "dnsblog",
      "addr " + field(address) + " listed by domain " + field(zone) + " as " + field(reply));
}

void log_screen_fault(std::string_view what, const ScreenedPeer& peer, std::string_view after) {
  write(field(what) + " from " + field(peer.client) + " after " + escaped(after));
}

void log_screen_fault(std::string_view what, const ScreenedPeer& peer, std::string_view after,
                      std::string_view input) {
  write(field(what) + " from " + field(peer.client) + " after " + escaped(after) + ": " +
        escaped(input));
}

void log_screen_hangup(const ScreenedPeer& peer, Microseconds after, std::string_view stage) {
  write("HANGUP after " + delay_text(after) + " from " + field(peer.client) + " in tests " +
        field(stage) + " SMTP handshake");
}

void log_screened_recipient(const ScreenedPeer& peer, const ScreenedRecipient& recipient) {
  write("NOQUEUE: reject: RCPT from " + field(peer.client) + ": " + field(recipient.reply) +
        "; from=<" + field(recipient.sender) + ">, to=<" + field(recipient.recipient) +
        ">, proto=" + field(recipient.protocol) + ", helo=<" + field(recipient.helo) + ">");
}

}  // namespace pennypost

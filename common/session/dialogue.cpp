#include "common/session/dialogue.h"

#include "common/base/text.h"
#include "common/tls/tls_stream.h"

namespace pennypost {
namespace {

constexpr std::size_t line_bytes_max = 1 << 20;
constexpr Duration handshake_limit{5000};
constexpr std::string_view closed = "(the connection was closed)";

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  char small = to_lower(c);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : 0;
}

std::string unescape(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      bytes += text[i];
      continue;
    }
    switch (text[++i]) {
      case 'r':
        bytes += '\r';
        break;
      case 'n':
        bytes += '\n';
        break;
      case 't':
        bytes += '\t';
        break;
      case '0':
        bytes += '\0';
        break;
      case 'x':
        if (i + 2 < text.size()) {
          bytes += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
          i += 2;
        }
        break;
      default:
        bytes += text[i];
    }
  }
  return bytes;
}

/// The next line, or `closed`.
Task<std::string> hear(Connection& connection) {
  try {
    Line line = co_await connection.line(line_bytes_max);
    co_return std::string(line.text);
  } catch (const Disconnected& end) {
    if (end.reason() == Disconnected::Reason::Timeout) co_return "(nothing came)";
  }
  co_return std::string(closed);
}

/// What went wrong with the handshake; empty if nothing did.
Task<std::string> shake_hands(Connection& connection) {
  auto context = TlsContext::client(TlsContext::ClientSettings());
  ASSERT(context);
  auto stream = TlsStream::client(connection.exchange_stream(nullptr), *context, "localhost");
  TlsStream* tls = stream.get();
  connection.exchange_stream(std::move(stream));
  try {
    co_await tls->handshake(handshake_limit);
  } catch (const Disconnected& end) {
    co_return end.text();
  }
  co_return std::string();
}

bool is_as_expected(char how, std::string_view expected, std::string_view heard) {
  if (how == ':') return heard == expected;
  if (how == '!') return heard == closed;
  return heard.starts_with(expected);
}

}  // namespace

Task<std::string> play(Connection& connection, std::string script) {
  std::size_t number = 0;
  for (std::string_view step : split(script, '\n')) {
    ++number;
    step = trim(step);
    if (step.empty() || step.front() == '#') continue;
    ASSERT(step.size() >= 2);
    if (step == "TLS") {
      std::string wrong = co_await shake_hands(connection);
      if (!wrong.empty()) co_return "line " + std::to_string(number) + ": " + wrong;
      continue;
    }
    char who = step[0];
    char how = step[1];
    std::string text(step.substr(step.size() > 2 ? 3 : 2));
    if (who == 'C') {
      try {
        std::string bytes = how == '>' ? unescape(text) : text + "\r\n";
        co_await connection.write(bytes);
        continue;
      } catch (const Disconnected& end) {
        co_return "line " + std::to_string(number) + ": can't send: " + end.text();
      }
    }
    ASSERT(who == 'S');
    std::string heard = co_await hear(connection);
    while (how == '*' && heard.starts_with(text + "-")) {
      std::string more = co_await hear(connection);
      heard = std::move(more);
    }
    if (!is_as_expected(how, text, heard)) {
      co_return "line " + std::to_string(number) + ": expected " + std::string(step) + ", got " +
          heard;
    }
  }
  co_return std::string();
}

}  // namespace pennypost

#include "imapd/session/conversation.h"

#include "common/async/turn.h"

namespace pennypost::imap {
namespace {

// Answers are sent when so much is gathered.
constexpr std::size_t gathered_bytes_max = 65536;

}  // namespace

Conversation::Conversation(Connection& connection, const Settings& settings, const Limits& limits,
                           std::uint64_t bad_commands_max)
    : connection_(connection),
      settings_(settings),
      limits_(limits),
      assembler_(limits),
      errors_(ErrorLimits{bad_commands_max, bad_commands_max, bad_commands_max, Duration::zero()}) {
}

Task<Conversation::Event> Conversation::next_event() {
  for (;;) {
    auto step = next_step();
    auto event = co_await std::move(step);
    if (event != Event::Continue) co_return event;
    put(literal_prompt);
  }
}

Task<Conversation::Event> Conversation::next_step() {
  for (;;) {
    auto input = connection_.buffered();
    auto rest = input;
    auto event = assembler_.take(rest);
    consume(input.size() - rest.size());
    if (event != Event::NeedBytes) co_return event;
    if (!connection_.has_input()) {
      is_quiet_ = assembler_.is_idle();
      is_reading_ = true;
      co_await connection_.fill();
      is_quiet_ = is_reading_ = false;
    }
  }
}

void Conversation::consume(std::size_t bytes) {
  received_ += bytes;
  connection_.consume(bytes);
}

Task<std::optional<std::string>> Conversation::line(std::size_t bytes_max) {
  is_quiet_ = is_reading_ = true;
  auto line = co_await connection_.line(bytes_max);
  is_quiet_ = is_reading_ = false;
  received_ += line.text.size() + (line.has_crlf ? 2 : 1);
  std::optional<std::string> text;
  if (!line.is_too_long) text = std::string(line.text);
  co_return text;
}

void Conversation::put(std::string_view text) {
  sent_ += text.size();
  connection_.put(text);
}

Task<> Conversation::send_if_much() {
  if (connection_.unsent() >= gathered_bytes_max) co_await connection_.flush();
}

Task<> Conversation::write(std::string_view text) {
  sent_ += text.size();
  return connection_.write(text);
}

Task<> Conversation::send(std::string_view text) {
  if (text.size() < gathered_bytes_max) {
    put(text);
    co_return;
  }
  while (!text.empty()) {
    auto piece = text.substr(0, gathered_bytes_max);
    text.remove_prefix(piece.size());
    co_await write(piece);
    if (turn_is_long(loop())) co_await loop().turn_end();
  }
}

void Conversation::answer(const Reply& reply, std::string_view tag) {
  put(reply.line(tag));
  if (reply.status() != Reply::Status::Bad) return;
  errors_.note_error();
  if (errors_.is_over()) abandon("Too many invalid IMAP commands.");
}

void Conversation::end(std::string_view reason) {
  end_reason_ = reason;
  is_ended_ = true;
}

void Conversation::abandon(std::string_view text, std::string_view reason) {
  put("* BYE " + std::string(text) + "\r\n");
  end(reason);
}

}  // namespace pennypost::imap

#include "imapd/managesieve/dialogue.h"

#include <algorithm>

namespace pennypost::imap::managesieve {
namespace {

constexpr std::size_t shown_bytes_max = 200;

}  // namespace

Task<Dialogue::Event> Dialogue::next(bool is_response) {
  reader_.reset();
  if (is_response) reader_.expect_response();
  for (;;) {
    auto input = connection_.buffered();
    const auto before = input.size();
    auto event = reader_.take(input);
    connection_.consume(before - input.size());
    received_ += before - input.size();
    if (event != Event::NeedBytes) co_return event;
    co_await connection_.fill();
  }
}

void Dialogue::put(std::string_view text) {
  sent_ += text.size();
  connection_.put(text);
}

void Dialogue::answer(const Reply& reply) {
  mistakes_ = 0;
  put(reply.line());
}

void Dialogue::answer_mistake(std::string_view text) {
  put(Reply::no(text).line());
  if (++mistakes_ >= mistakes_max) abandon("Too many bad commands.", "Too many errors");
}

void Dialogue::abandon(std::string_view text, std::string_view reason) {
  if (is_ended_) return;
  put(Reply::bye(text).line());
  end(reason);
}

void Dialogue::end(std::string_view reason) {
  is_ended_ = true;
  end_reason_ = reason;
}

std::string argument_problem(const Command& command, std::string_view shape) {
  const auto optional = shape.find('?');
  const auto required = std::min(optional, shape.size());
  std::string kinds(shape.substr(0, required));
  if (optional != shape.npos) kinds += shape.substr(optional + 1);
  const auto& given = command.arguments;
  bool is_right = given.size() >= required && given.size() <= kinds.size();
  for (std::size_t i = 0; is_right && i < given.size(); ++i) {
    is_right = given[i].is_number == (kinds[i] == 'n');
  }
  if (is_right) return "";
  std::string wanted = command.name;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    std::string one = kinds[i] == 'n' ? "NUMBER" : "\"STRING\"";
    wanted += i < required ? " " + one : " [" + one + "]";
  }
  return "Write: " + wanted;
}

std::string shown(const Command& command) {
  std::string out = command.name;
  for (const auto& argument : command.arguments) {
    bool is_long = argument.text.size() > shown_bytes_max ||
                   argument.text.find_first_of("\r\n") != std::string::npos;
    if (argument.is_number) {
      out += " " + std::to_string(argument.number);
    } else if (is_long) {
      out += " (" + std::to_string(argument.text.size()) + " octets)";
    } else {
      out += " " + string_of(argument.text);
    }
  }
  return out;
}

}  // namespace pennypost::imap::managesieve

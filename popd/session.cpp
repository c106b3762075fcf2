#include "popd/session.h"

#include <algorithm>

#include "common/async/turn.h"
#include "common/base/client_words.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "common/session/command_table.h"
#include "popd/capabilities.h"
#include "popd/dots.h"
#include "store/mailbox/patience.h"

namespace pennypost::pop {
namespace {

constexpr std::size_t first_piece_bytes = 256 * 1024;  // most messages come in one piece
constexpr std::size_t piece_bytes = 128 * 1024;
constexpr std::size_t unsent_bytes_max = 64 * 1024;

/// The configuration's check has seen that it is one.
UniqueIdFormat id_format(const Settings& settings) {
  auto format = UniqueIdFormat::parse(settings.pop3_uidl_format);
  return format ? *std::move(format) : UniqueIdFormat::default_format();
}

}  // namespace

struct SessionCommands {
  enum Arguments { None, Optional, Required };
  struct Command {
    std::string_view name;
    Arguments arguments;
    std::string_view rfc;
    Task<> (Session::*handler)(std::string_view);
  };
  static constexpr std::array commands{
      Command{"CAPA", Optional, "2449 5", &Session::capa},
      Command{"DELE", Required, "1939 5", &Session::dele},
      Command{"LIST", Optional, "1939 5", &Session::list},
      Command{"NOOP", Optional, "1939 5", &Session::noop},
      Command{"QUIT", Optional, "1939 6", &Session::quit},
      Command{"RETR", Required, "1939 5", &Session::retr},
      Command{"RSET", Optional, "1939 5", &Session::rset},
      Command{"STAT", Optional, "1939 5", &Session::stat},
      Command{"TOP", Required, "1939 7", &Session::top},
      Command{"UIDL", Optional, "1939 7", &Session::uidl},
  };
  static_assert(is_command_table(commands));
};

Session::Session(Connection& connection, std::shared_ptr<const Config> config, Service service,
                 Maildrop& maildrop, std::string user)
    : connection_(connection),
      config_(std::move(config)),
      settings_(config_->at(service)),
      maildrop_(maildrop),
      user_(std::move(user)),
      unique_ids_(id_format(settings_)) {
  auto [count, octets] = maildrop_.total();
  counts_.messages = count;
  counts_.size = octets;
}

void Session::ok(std::string_view text) {
  connection_.put("+OK ");
  connection_.put(text);
  connection_.put("\r\n");
}

void Session::err(std::string_view text) {
  connection_.put("-ERR ");
  connection_.put(text);
  connection_.put("\r\n");
}

// RFC 3206: what may pass later. The reason is for the log.
void Session::refuse(const Error& error, std::string_view told) {
  log_warning("pop3", user_ + ": " + error.text());
  err("[SYS/TEMP] " + std::string(told));
}

void Session::stop() {
  stopping_ = true;
  if (!is_waiting_) return;
  connection_.stream().try_write("-ERR [SYS/TEMP] Server shutting down.\r\n");
  connection_.stream().abort();
}

Task<> Session::serve() {
  connection_.set_timeout(settings_.pop3_idle_timeout);
  while (!quitting_) {
    if (stopping_) {
      err("[SYS/TEMP] Server shutting down.");
      break;
    }
    is_waiting_ = true;
    auto line =
        co_await connection_.line(static_cast<std::size_t>(settings_.pop3_line_length_limit));
    is_waiting_ = false;
    if (line.is_too_long) {
      err("Line too long.");
      ++bad_commands_;
    } else {
      std::string text(line.text);
      co_await dispatch(text);
    }
    if (bad_commands_ >= settings_.pop3_bad_commands_max) {
      err("Too many bad commands.");
      break;
    }
    if (connection_.unsent() > unsent_bytes_max) co_await connection_.flush();
    // What was sent ahead could go on for long.
    if (turn_is_long(connection_.loop())) co_await connection_.loop().turn_end();
  }
  co_await connection_.flush();
}

Task<> Session::dispatch(std::string_view line) {
  auto blank = line.find(' ');
  auto name = line.substr(0, blank);
  auto args = blank == std::string_view::npos ? std::string_view() : trim(line.substr(blank + 1));
  const auto* command = find_command(SessionCommands::commands, name);
  if (command == nullptr) {
    ++bad_commands_;
    err("Unknown command: " + printable(name, 40));
    co_return;
  }
  if (command->arguments == SessionCommands::Required && args.empty()) {
    ++bad_commands_;
    err(std::string(command->name) + " needs a message number.");
    co_return;
  }
  auto work = (this->*command->handler)(args);
  co_await std::move(work);
}

Session::Entry* Session::numbered(std::string_view text) {
  auto number = parse_number(text);
  auto& entries = maildrop_.entries();
  if (!number || *number == 0) {
    ++bad_commands_;
    err("Invalid message number: " + printable(text, 40));
    return nullptr;
  }
  if (*number > entries.size()) {
    err("There's no message " + std::to_string(*number) + ".");
    return nullptr;
  }
  auto& entry = entries[*number - 1];
  if (entry.is_deleted) {
    err("Message is deleted.");
    return nullptr;
  }
  return &entry;
}

Task<> Session::capa(std::string_view) {
  connection_.put(capabilities({}));
  co_return;
}

Task<> Session::noop(std::string_view) {
  ok("");
  co_return;
}

Task<> Session::stat(std::string_view) {
  auto [count, octets] = maildrop_.total();
  ok(std::to_string(count) + " " + std::to_string(octets));
  co_return;
}

Task<> Session::list(std::string_view args) {
  if (!args.empty()) {
    Entry* entry = numbered(args);
    if (entry != nullptr) ok(std::string(args) + " " + std::to_string(entry->octets));
    co_return;
  }
  auto [count, octets] = maildrop_.total();
  ok(std::to_string(count) + " messages:");
  auto& entries = maildrop_.entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].is_deleted) continue;
    connection_.put(std::to_string(i + 1) + " " + std::to_string(entries[i].octets) + "\r\n");
    if (connection_.unsent() > unsent_bytes_max) co_await connection_.flush();
    if (turn_is_long(connection_.loop())) co_await connection_.loop().turn_end();
  }
  connection_.put(".\r\n");
}

Task<> Session::uidl(std::string_view args) {
  if (!args.empty()) {
    Entry* entry = numbered(args);
    if (entry != nullptr) ok(std::string(args) + " " + maildrop_.unique_id(*entry, unique_ids_));
    co_return;
  }
  ok("");
  auto& entries = maildrop_.entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].is_deleted) continue;
    connection_.put(std::to_string(i + 1) + " " + maildrop_.unique_id(entries[i], unique_ids_) +
                    "\r\n");
    if (connection_.unsent() > unsent_bytes_max) co_await connection_.flush();
    if (turn_is_long(connection_.loop())) co_await connection_.loop().turn_end();
  }
  connection_.put(".\r\n");
}

Task<> Session::retr(std::string_view args) {
  Entry* entry = numbered(args);
  if (entry == nullptr) co_return;
  auto work = send_message(*entry, std::nullopt);
  co_await std::move(work);
}

Task<> Session::top(std::string_view args) {
  auto parts = words(args, " \t");
  auto lines = parts.size() == 2 ? parse_number(parts[1]) : std::nullopt;
  if (!lines) {
    ++bad_commands_;
    err("TOP needs a message number and a number of lines.");
    co_return;
  }
  Entry* entry = numbered(parts[0]);
  if (entry == nullptr) co_return;
  ++counts_.top;
  auto work = send_message(*entry, lines);
  co_await std::move(work);
}

Task<> Session::send_message(Entry& entry, std::optional<std::uint64_t> body_lines) {
  std::optional<store::MessageReader> reader;
  auto beginning =
      store::patiently(connection_.loop(), maildrop_.lock_patience(), [&]() -> Result<std::string> {
        TRY(auto opened, maildrop_.read(entry));
        reader.emplace(std::move(opened));
        return reader->read(0, first_piece_bytes);
      });
  auto first = co_await std::move(beginning);
  if (!first) {
    // RFC 1939 knows no such case: another client has removed it since our login.
    if (first.error().is_temporary()) {
      refuse(first.error(), client_words(first.error()));
    } else {
      err("Message is gone: another client removed it.");
    }
    co_return;
  }
  if (!body_lines) {
    ++counts_.retrieved;
    entry.is_retrieved = true;
  }
  ok(body_lines ? "" : std::to_string(entry.octets) + " octets");
  DotStuffer stuffer(body_lines);
  std::string piece = *std::move(first);
  auto asked = first_piece_bytes;
  std::uint64_t offset = 0;
  std::string out;
  for (;;) {
    out.clear();
    bool goes_on = stuffer.add(piece, out);
    offset += piece.size();
    if (!body_lines) counts_.retrieved_bytes += piece.size();
    // Less than was asked for is the end. What LIST tells may come from a file's name, and err.
    bool is_last = !goes_on || piece.size() < asked;
    if (is_last) stuffer.finish(out);
    co_await connection_.write(out);
    if (is_last) co_return;
    auto next = co_await connection_.loop().offload(
        [&]() -> Result<std::string> { return reader->read(offset, piece_bytes); });
    // In the middle of a reply nothing but the connection's end can tell of an error.
    if (!next) throw Disconnected(Disconnected::Reason::Error, next.error().text());
    piece = *std::move(next);
    asked = piece_bytes;
  }
}

Task<> Session::dele(std::string_view args) {
  Entry* entry = numbered(args);
  if (entry == nullptr) co_return;
  maildrop_.mark_deleted(*entry);
  ok("Marked to be deleted.");
}

Task<> Session::rset(std::string_view) {
  maildrop_.unmark_all();
  ok("");
  co_return;
}

Task<> Session::quit(std::string_view) {
  quitting_ = true;
  bool mark_seen = !settings_.pop3_no_flag_updates;
  auto updating = store::patiently(connection_.loop(), maildrop_.lock_patience(),
                                   [&] { return maildrop_.update(mark_seen); });
  auto removed = co_await std::move(updating);
  if (!removed) {
    refuse(removed.error(), "Some messages could not be removed.");
    co_return;
  }
  counts_.deleted = *removed;
  ok(*removed > 0 ? "Logging out, messages deleted." : "Logging out.");
}

}  // namespace pennypost::pop

#include "imapd/dialogue/session.h"

#include "common/async/turn.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "imapd/command/table.h"
#include "imapd/response/logout_text.h"
#include "imapd/response/untagged.h"
#include "imapd/session/special_folders.h"

namespace pennypost::imap {
namespace {

// Answers are sent when so much is gathered; less waits for the end of what the client has
// pipelined.
constexpr std::size_t gathered_bytes_max = 65536;
// Dovecot's CLIENT_MAX_BAD_COMMANDS.
constexpr std::int64_t bad_commands_max = 20;
// How soon, and then how often, a long command looks whether its client is still there.
constexpr Duration look_interval{100};
// Dovecot's CLIENT_..._NOTIFY: how often it says how far it is.
constexpr Duration sign_interval{10'000};
// What a client may send ahead before it is read no further.
constexpr std::size_t ahead_bytes_max = 65536;
// How long a login waits for others who are at a new account's subscriptions.
constexpr Duration special_folders_patience{2'000};
constexpr std::string_view stopping_text = "Server shutting down.";

}  // namespace

Limits limits_of(const Settings& settings) {
  Limits limits;
  limits.line_bytes_max = static_cast<std::size_t>(settings.imap_max_line_length);
  limits.literal_bytes_max = limits.line_bytes_max;
  limits.command_bytes_max = 4 * limits.line_bytes_max;
  limits.message_bytes_max = static_cast<std::uint64_t>(settings.imap_append_limit);
  limits.skip_bytes_max = limits.message_bytes_max + limits.command_bytes_max;
  limits.literals_max = static_cast<std::size_t>(settings.imap_command_literal_max);
  limits.nesting_max = static_cast<std::size_t>(settings.imap_nesting_max);
  limits.search_keys_max = static_cast<std::size_t>(settings.imap_search_keys_max);
  limits.list_patterns_max = static_cast<std::size_t>(settings.imap_list_patterns_max);
  return limits;
}

Session::Session(std::shared_ptr<const Surroundings> surroundings, Connection& connection,
                 LoggedIn who, std::shared_ptr<Account> account,
                 std::unique_ptr<store::MailStore> store)
    : surroundings_(std::move(surroundings)),
      loop_(surroundings_->loop),
      connection_(connection),
      who_(std::move(who)),
      account_(std::move(account)),
      store_(std::move(store)),
      assembler_(surroundings_->limits),
      errors_(ErrorLimits{bad_commands_max, bad_commands_max, bad_commands_max, Duration::zero()}) {
}

Session::~Session() = default;

Task<> Session::serve() {
  connection_.set_timeout(surroundings_->settings().imap_idle_timeout);
  try {
    co_await converse();
  } catch (const Disconnected& end) {
    if (end.reason() == Disconnected::Reason::Timeout) {
      // RFC 9051 section 5.4: autologout.
      say_bye("Disconnected for inactivity.");
      end_reason_ = "Inactivity";
    } else if (stopping_) {
      end_reason_ = stopping_text;
    } else if (!ended_) {
      end_reason_ = "Connection closed";
    }
  }
  log_end(end_reason_);
}

Task<> Session::converse() {
  co_await prepare_account();
  if (!who_.tag.empty()) {
    auto greeting = Reply::ok("[CAPABILITY " + capabilities() + "] Logged in");
    answer(greeting, who_.tag);
    who_.tag.clear();
  }
  while (!ended_) {
    auto event = co_await next_event();
    switch (event) {
      case CommandAssembler::Event::Complete:
        co_await dispatch();
        break;
      case CommandAssembler::Event::Message:
        co_await append_messages();
        break;
      case CommandAssembler::Event::Refused:
        answer(Reply(assembler_.error()), assembler_.tag());
        break;
      case CommandAssembler::Event::Abandon:
        abandon("Too much input that can't be taken");
        break;
      case CommandAssembler::Event::NeedBytes:
      case CommandAssembler::Event::Continue:
        break;
    }
    assembler_.reset();
    co_await send_if_much();
    // What was sent ahead could go on for long.
    if (turn_is_long(loop_)) co_await loop_.turn_end();
    if (stopping_ && !ended_) {
      put("* BYE " + std::string(stopping_text) + "\r\n");
      end_reason_ = stopping_text;
      ended_ = true;
    }
  }
  co_await connection_.flush();
  connection_.stream().shut_down();
}

// Before the first command, whichever it is. A login is not refused for want of them.
Task<> Session::prepare_account() {
  const auto& settings = surroundings_->settings();
  if (!settings.imap_auto_create_special || account_->has_special_folders) co_return;
  auto making = store::patiently(loop_, light_lane(), special_folders_patience, [&] {
    return make_special_folders(*store_, settings.imap_special_use);
  });
  auto made = co_await std::move(making);
  account_->has_special_folders = made.has_value();
  if (!made) log_warning("imap", who_.user + ": imap_special_use: " + made.error().text());
}

// The next thing to be done about the command that is arriving.
Task<CommandAssembler::Event> Session::next_event() {
  for (;;) {
    auto input = connection_.buffered();
    auto rest = input;
    auto event = assembler_.take(rest);
    connection_.consume(input.size() - rest.size());
    received_ += input.size() - rest.size();
    if (event == CommandAssembler::Event::Continue) {
      put("+ OK\r\n");
    } else if (event != CommandAssembler::Event::NeedBytes) {
      co_return event;
    } else if (!connection_.has_input()) {
      quiet_ = assembler_.is_idle();
      co_await connection_.fill();
      quiet_ = false;
    }
  }
}

Task<> Session::dispatch() {
  auto head = parse_head(assembler_.text());
  if (!head) {
    answer(Reply(head.error()), tag_of(assembler_.text()));
    co_return;
  }
  auto work = handle(*head);
  auto reply = co_await std::move(work);
  answer(reply, head->tag);
}

Task<Reply> Session::handle(const CommandHead& command) {
  const auto* row = find_command(commands, command.name);
  if (row == nullptr) co_return Reply::bad("Unknown command " + printable(command.name, 40));
  if (row->allowed == In::Selected && !selected_) co_return Reply::bad("No mailbox selected");
  next_look_ = loop_.now() + look_interval;
  next_sign_ = loop_.now() + sign_interval;
  auto work = (this->*row->handler)(command);
  auto reply = co_await std::move(work);
  if (selected_ && !ended_ && row->name != "SELECT" && row->name != "EXAMINE") {
    bool is_uid = row->name.starts_with("UID ");
    co_await tell_news(row->numbers != Seq::Uses, is_uid);
  }
  co_return reply;
}

// Reads what changed in the mailbox, and tells as much as may be told.
Task<> Session::tell_news(bool with_expunges, bool with_uid) {
  auto work = sync(Wait::No);
  auto synced = co_await std::move(work);
  if (!synced && !store::is_in_use(synced.error())) {
    log_warning("imap", who_.user + ": sync of " + selected_->mailbox().name().text() + ": " +
                            synced.error().text());
  }
  if (!synced && !synced.error().is_temporary()) {
    abandon(Reply(synced.error()).text(), "The mailbox has gone");
    co_return;
  }
  auto telling = tell_selected(with_expunges, with_uid);
  co_await std::move(telling);
}

Task<> Session::tell_selected(bool with_expunges, bool with_uid) {
  while (selected_->has_news(with_expunges)) {
    if (selected_->telling_cost() <= few_messages) {
      put(selected_->tell(with_expunges, with_uid));
    } else {
      auto text =
          co_await heavy_lane().offload([&] { return selected_->tell(with_expunges, with_uid); });
      auto sending = send(text);
      co_await std::move(sending);
    }
  }
}

Task<> Session::send(std::string_view text) {
  if (text.size() < gathered_bytes_max) {
    put(text);
    co_return;
  }
  sent_ += text.size();
  while (!text.empty()) {
    auto piece = text.substr(0, gathered_bytes_max);
    text.remove_prefix(piece.size());
    co_await connection_.write(piece);
    if (turn_is_long(loop_)) co_await loop_.turn_end();
  }
}

Task<Result<void>> Session::sync(Wait wait) {
  auto& mailbox = selected_->mailbox();
  auto longest = wait == Wait::Yes ? store_->lock_patience() : Duration::zero();
  auto work = store::patiently(loop_, light_lane(), longest, [&] {
    auto found = mailbox.sync();
    if (found && !found->uid_validity) selected_->note(*found);
    return found;
  });
  auto changes = co_await std::move(work);
  bool in_use = !changes && store::is_in_use(changes.error());
  is_behind_ = in_use || (changes && changes->waiting);
  if (!changes) co_return changes.error();
  if (changes->uid_validity) co_return Error::permanent("The mailbox was made anew");
  co_return Result<void>();
}

void Session::answer(const Reply& reply, std::string_view tag) {
  log_failure(reply);
  put(reply.line(tag));
  if (reply.status() != Reply::Status::Bad) {
    errors_.clear();
    return;
  }
  errors_.note_error();
  if (errors_.is_over()) abandon("Too many invalid IMAP commands.");
}

// What the client is not told.
void Session::log_failure(const Reply& reply) {
  if (!reply.log_text().empty()) log_warning("imap", who_.user + ": " + reply.log_text());
}

// `reason` is for the log, and outlives the session.
void Session::abandon(std::string_view why, std::string_view reason) {
  put("* BYE " + std::string(why) + "\r\n");
  end_reason_ = reason;
  ended_ = true;
}

void Session::stop() {
  stopping_ = true;
  if (!quiet_) return;
  say_bye(stopping_text);
  connection_.stream().abort();
}

// The last line to a client that is owed no answer; the socket takes it at once or never.
void Session::say_bye(std::string_view text) {
  try {
    connection_.stream().try_write("* BYE " + std::string(text) + "\r\n");
  } catch (const Disconnected&) {
    // The client was faster.
  }
}

void Session::put(std::string_view bytes) {
  sent_ += bytes.size();
  connection_.put(bytes);
}

Task<> Session::send_if_much() {
  if (connection_.unsent() >= gathered_bytes_max) co_await connection_.flush();
}

Task<> Session::look_for_client() {
  if (loop_.now() < next_look_) co_return;
  next_look_ = loop_.now() + look_interval;
  // Does not wait: the deadline has passed.
  [[maybe_unused]] bool has_input =
      co_await connection_.stream().wait(Poll::Event::Readable, loop_.now());
  read_ahead();
}

// What is sent ahead is kept: the end of the connection stands behind it.
void Session::read_ahead() {
  char piece[4096];
  try {
    while (connection_.buffered().size() < ahead_bytes_max) {
      auto count = connection_.stream().try_read(piece);
      if (!count) return;
      auto ahead = connection_.take_input();
      ahead.append(piece, *count);
      connection_.prepend_input(ahead);
    }
  } catch (const Disconnected& end) {
    // One that has sent its last command may still read the answers. If it does not, a word to it
    // will tell.
    bool may_read = end.reason() == Disconnected::Reason::Eof && connection_.has_input();
    if (!may_read) throw;
    if (!has_ended_input_) next_sign_ = loop_.now();
    has_ended_input_ = true;
  }
}

Task<> Session::give_sign_of_life(std::string_view text) {
  if (loop_.now() < next_sign_) co_return;
  next_sign_ = loop_.now() + sign_interval;
  put("* OK " + std::string(text) + "\r\n");
  co_await connection_.flush();
}

void Session::log_end(std::string_view why) {
  auto counts = logout_text(surroundings_->settings().imap_logout_format, received_, sent_);
  log_logout("imap", who_.user, who_.session_id, why, counts);
}

std::string Session::capabilities() const {
  return capability_text(surroundings_->settings().imap_capability);
}

}  // namespace pennypost::imap

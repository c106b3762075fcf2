#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "common/base/file.h"
#include "common/base/scratch.h"
#include "common/config/testing.h"
#include "common/log/log.h"
#include "common/net/listener.h"
#include "common/net/message_socket.h"
#include "smtpd/commands/postqueue.h"
#include "smtpd/commands/sendmail.h"
#include "smtpd/pickup/control_server.h"
#include "smtpd/pickup/drop_file.h"
#include "smtpd/queue/queue_id.h"

using namespace pennypost;
using namespace pennypost::smtp;
using namespace std::chrono_literals;

namespace {

/// A queue without other processes: submitted mail waits, since `lookup` never answers.
struct Desk {
  explicit Desk(PickupDesk::Ask ask = PickupDesk::ask_later()) {
    Queue::Options options;
    options.directory = scratch.path() / "queue";
    auto opened = Queue::open(loop, options, clock);
    REQUIRE(opened);
    queue = std::move(opened->queue);
    Scheduler::Peers peers;
    peers.port = [this](std::string_view) -> Port& { return nobody; };
    peers.config = [this] { return config; };
    scheduler = std::make_unique<Scheduler>(loop, *queue, std::move(peers), clock);
    pickup = std::make_unique<PickupDesk>(
        loop, *queue, *scheduler, [this] { return config; }, std::move(ask), clock);
    server = std::make_unique<ControlServer>(loop, *queue, *scheduler, *pickup,
                                             [this] { return config; });
    std::filesystem::create_directory(scratch.path() / "queue/maildrop");
  }
  ~Desk() {
    serving.reset();
    server.reset();
    pickup.reset();
    scheduler.reset();
    queue.reset();
  }

  /// Makes a request as this user.
  template <class Request>
  Result<typename Request::Reply> ask(Request request, uid_t uid,
                                      std::vector<Descriptor> beside = {}) {
    auto [a, b] = socket_pair();
    serving = std::make_unique<Nursery>(loop);
    auto place = server->try_take_place(uid);
    REQUIRE(place);
    serving->start(server->serve(std::move(b), *std::move(place)));
    Message message;
    message.type = Request::type;
    message.id = 7;
    message.body = wire::encode(request);
    message.descriptors = std::move(beside);
    MessageSocket socket(loop, std::move(a));
    socket.send(std::move(message));
    auto answer = loop.run_until(socket.receive());
    CHECK(answer.id == 7);
    serving.reset();
    if (answer.type == control_error) {
      auto error = wire::decode<WireError>(answer.body);
      return error->error();
    }
    last_beside = std::move(answer.descriptors);
    return wire::decode<typename Request::Reply>(answer.body);
  }
  /// Leaves a file as postdrop does.
  std::string drop(const std::string& bytes) const {
    auto path = scratch / ("queue/maildrop/" + make_queue_id().value());
    Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    REQUIRE(write_all(file.number(), bytes, path));
    return path;
  }
  /// The text of a message of the queue.
  std::string text_of(const std::string& id) {
    ReadMessage read;
    read.id = id;
    auto content = ask(read, 0);
    REQUIRE(content);
    auto text = read_exactly(last_beside[0].number(), 0, content->envelope.size(), id);
    REQUIRE(text);
    return *text;
  }
  Result<PostMail::Posted> post(const std::string& message, std::vector<std::string> to,
                                std::string from = "ann") {
    PostMail request;
    request.submission.sender = std::move(from);
    request.submission.recipients = std::move(to);
    auto file = sealed_file(message);
    REQUIRE(file);
    std::vector<Descriptor> beside;
    beside.push_back(*std::move(file));
    return ask(std::move(request), 1000, std::move(beside));
  }

  Loop loop;
  ManualClock clock;
  Scratch scratch;
  LogCapture log;
  std::shared_ptr<const Config> config =
      config_for_test({"myorigin=example.com", "message_size_limit=1000000"});
  Port nobody{loop, "nobody"};
  std::unique_ptr<Queue> queue;
  std::unique_ptr<Scheduler> scheduler;
  std::unique_ptr<PickupDesk> pickup;
  std::unique_ptr<ControlServer> server;
  std::unique_ptr<Nursery> serving;
  std::vector<Descriptor> last_beside;
};

/// What lookup answers where it can't tell.
template <class Answer>
Task<Result<Answer>> fail(Error error) {
  co_return error;
}

/// What lookup answers where ann@example.com is new@example.net now.
/// 54321 is ann, all others are bob, who may do everything.
Task<Result<CheckUser::Answer>> answer_about(CheckUser ask) {
  CheckUser::Answer answer;
  answer.name = ask.uid == 54321 ? "ann" : "bob";
  answer.is_allowed = ask.uid == 54322;
  co_return answer;
}

Task<Result<Canonicalize::Rewritten>> rename_ann(Canonicalize ask) {
  auto renamed = [](const std::string& text) {
    return text == "ann@example.com" ? "new@example.net" : text;
  };
  Canonicalize::Rewritten rewritten;
  rewritten.sender = renamed(ask.sender);
  for (const auto& address : ask.in_header) rewritten.in_header.push_back(renamed(address.text));
  co_return std::move(rewritten);
}

const std::string message = "Subject: hi\nMessage-ID: <1@x>\n\nbody\n";

}  // namespace

TEST_CASE("a message submitted over the socket is listed, with the domain of this host") {
  Desk desk;
  auto posted = desk.post(message, {"bob", "eve@there.test"});
  REQUIRE_MESSAGE(posted, "submission failed");
  auto page = desk.ask(ListQueue(), 1000);
  REQUIRE(page);
  REQUIRE(page->entries.size() == 1);
  CHECK(page->entries[0].id == posted->queue_id);
  CHECK(page->entries[0].sender == "ann@example.com");
  REQUIRE(page->entries[0].recipients.size() == 2);
  CHECK(page->entries[0].recipients[0].address == "bob@example.com");
  CHECK(desk.log.lines()[0] == "pickup: " + posted->queue_id + ": uid=1000 from=<ann@example.com>");
}

TEST_CASE("a message to a malformed address among good ones is accepted for all of them") {
  Desk desk;
  REQUIRE(desk.post(message, {"bob", "x@", ""}));
  auto page = desk.ask(ListQueue(), 1000);
  REQUIRE(page);
  REQUIRE(page->entries.size() == 1);
  REQUIRE(page->entries[0].recipients.size() == 3);
  CHECK(page->entries[0].recipients[0].address == "bob@example.com");
  CHECK(page->entries[0].recipients[1].address == "x@");
  CHECK(page->entries[0].recipients[2].address == "MAILER-DAEMON");
}

TEST_CASE("mailq shows a waiting command as the alias that leads to it") {
  Desk desk;
  auto posted = desk.post(message, {"run"});
  REQUIRE(posted);
  auto loaded = desk.loop.run_until(desk.queue->load(QueueId(posted->queue_id)));
  REQUIRE(loaded);
  REQUIRE(*loaded);
  auto& waiting = **loaded;
  Recipient command = waiting.recipient(0).recipient;
  command.via = command.address;
  command.kind = RecipientKind::Command;
  command.address = "cat > x";
  REQUIRE(waiting.expand(0, {command}, 10));
  Changes changes;
  waiting.save(changes);
  desk.loop.run_until(desk.queue->record(std::move(changes)));
  auto page = desk.ask(ListQueue(), 1000);
  REQUIRE(page);
  REQUIRE(page->entries.size() == 1);
  REQUIRE(page->entries[0].recipients.size() == 1);
  CHECK(page->entries[0].recipients[0].address == "run@example.com");
}

TEST_CASE("only root and the owner change, remove and read messages") {
  Desk desk;
  auto posted = desk.post(message, {"bob"});
  REQUIRE(posted);
  ReadMessage read;
  read.id = posted->queue_id;
  uid_t stranger = geteuid() + 4242;
  auto refused = desk.ask(read, stranger);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == 550);
  auto content = desk.ask(read, 0);
  REQUIRE(content);
  REQUIRE(desk.last_beside.size() == 1);
  auto text =
      read_exactly(desk.last_beside[0].number(), 0, content->envelope.size(), "the message");
  REQUIRE(text);
  CHECK(text->starts_with("Received: by mail.example.com"));
  CHECK(text->ends_with(message));

  ChangeQueue remove;
  remove.change = QueueChange::Remove;
  remove.ids = {"ALL"};
  CHECK_FALSE(desk.ask(remove, stranger));
  auto count = desk.ask(remove, 0);
  REQUIRE(count);
  CHECK(count->messages == 1);
}

TEST_CASE("changes of all messages in one request are committed together") {
  Desk desk;
  desk.loop.run_until(desk.scheduler->drain());  // no attempt is under way
  for (int i = 0; i < 250; ++i) REQUIRE(desk.post(message, {"bob@example.com"}));
  ChangeQueue all;
  all.ids = {"ALL"};
  for (auto change : {QueueChange::Hold, QueueChange::Release}) {
    all.change = change;
    auto before = desk.queue->committer().commits();
    CHECK(desk.ask(all, 0)->messages == 250);
    CHECK(desk.queue->committer().commits() - before < 250);
    CHECK(desk.scheduler->size() == 250);
  }
  all.change = QueueChange::Remove;
  auto before = desk.queue->committer().commits();
  CHECK(desk.ask(all, 0)->messages == 250);
  CHECK(desk.queue->committer().commits() - before < 250);
  CHECK(desk.ask(ListQueue{}, 1000)->entries.empty());
}

TEST_CASE("a flush answers for how many messages it is: the one named, those to a site, or all") {
  Desk desk;
  desk.loop.run_until(desk.scheduler->drain());  // no attempt is under way
  auto first = desk.post(message, {"bob@there.test"});
  REQUIRE(first);
  REQUIRE(desk.post(message, {"eve@there.test", "ann@here.test"}));
  REQUIRE(desk.post(message, {"dan@here.test"}));
  auto count = [&](std::string id, std::string site) {
    FlushQueue flush;
    flush.id = std::move(id);
    flush.site = std::move(site);
    auto answer = desk.ask(flush, 1000);
    return answer ? std::to_string(answer->messages) : answer.error().text();
  };
  CHECK(count(first->queue_id, "") == "1");
  CHECK(count("", "There.TEST") == "2");
  CHECK(count("", "nowhere.test") == "0");
  CHECK(count("", "") == "3");
  auto none = make_queue_id().value();
  CHECK(count(none, "") == none + ": no such message");
}

TEST_CASE("of a large message that is refused nothing stays in the queue's directory") {
  Desk desk;
  auto bodies = desk.scratch.path() / "queue/body";
  std::string large(200'000, 'x');
  std::string looping;
  for (int i = 0; i < 60; ++i) looping += "Received: by x\n";
  auto refused = desk.post(looping + "\n" + large, {"bob"});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == 554);
  CHECK(std::filesystem::is_empty(bodies));
  auto taken = desk.post(message + large, {"bob"});
  REQUIRE(taken);
  CHECK_FALSE(std::filesystem::is_empty(bodies));
  ReadMessage read;
  read.id = taken->queue_id;
  REQUIRE(desk.ask(read, 0));
}

TEST_CASE("a message that is not a sealed file, too large, or without recipients is refused") {
  Desk desk;
  PostMail request;
  request.submission.recipients = {"bob"};
  std::vector<Descriptor> beside;
  beside.emplace_back(::dup(0));
  auto unsealed = desk.ask(request, 1000, std::move(beside));
  REQUIRE_FALSE(unsealed);
  CHECK(unsealed.error().code() == 501);
  auto large = desk.post(std::string(1'000'001, 'x'), {"bob"});
  REQUIRE_FALSE(large);
  CHECK(large.error().code() == 552);
  auto nobody = desk.post(message, {});
  REQUIRE_FALSE(nobody);
  CHECK(nobody.error().code() == 501);
  std::string looping;
  for (int i = 0; i < 60; ++i) looping += "Received: by x\n";
  auto loops = desk.post(looping + "\n", {"bob"});
  REQUIRE_FALSE(loops);
  CHECK(loops.error().code() == 554);
}

TEST_CASE("maildrop files are taken in once, and bad ones are kept aside") {
  Desk desk;
  LocalSubmission submission;
  submission.sender = "ann";
  submission.recipients = {"bob"};
  std::string large = message + std::string(200'000, 'y') + "\n";
  desk.drop(drop_head(submission) + message);
  desk.drop(drop_head(submission) + large);
  auto bad = std::filesystem::path(desk.drop("rubbish")).filename().string();
  desk.loop.run_until(desk.pickup->empty_maildrop());
  auto page = desk.ask(ListQueue(), 0);
  REQUIRE(page);
  CHECK(page->entries.size() == 2);
  CHECK(std::filesystem::exists(desk.scratch.path() / "queue/maildrop" / ("corrupt." + bad)));
  desk.loop.run_until(desk.pickup->empty_maildrop());
  page = desk.ask(ListQueue(), 0);
  CHECK(page->entries.size() == 2);
}

TEST_CASE("mail from maildrop is of the user whose file it is") {
  REQUIRE_MESSAGE(::geteuid() == 0, "this needs root, who alone can give files away");
  Desk desk;
  desk.config = config_for_test({"myorigin=example.com", "mail_name=Our Mail"});
  LocalSubmission submission;
  submission.sender = "ann";
  submission.recipients = {"bob"};
  auto path = desk.drop(drop_head(submission) + message);
  REQUIRE(::chown(path.c_str(), 54321, 54321) == 0);
  desk.loop.run_until(desk.pickup->empty_maildrop());
  auto page = desk.ask(ListQueue(), 0);
  REQUIRE(page);
  REQUIRE(page->entries.size() == 1);
  const auto& id = page->entries[0].id;
  CHECK(desk.log.lines()[0] == "pickup: " + id + ": uid=54321 from=<ann@example.com>");
  CHECK(
      desk.text_of(id).starts_with("Received: by mail.example.com (Our Mail, from userid "
                                   "54321)\n\tid " +
                                   id + ";\n"));
}

TEST_CASE("with message_size_limit = 0 a posted message may have any size") {
  Desk desk;
  auto large = "Subject: x\n\n" + std::string(1'100'000, 'x') + "\n";
  desk.config = config_for_test({"myorigin=example.com", "message_size_limit=1000000"});
  auto refused = desk.post(large, {"bob"});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == 552);
  desk.config =
      config_for_test({"myorigin=example.com", "message_size_limit=0", "mailbox_size_limit=0"});
  CHECK(desk.post(large, {"bob"}));
  CHECK(desk.post(message, {"bob"}));
}

TEST_CASE("what header_checks answer is the answer to who posts; what can't be told now is busy") {
  Error answer = Error::temporary("4.3.0", "a table is locked");
  auto ask = PickupDesk::ask_later();
  ask.check_content = [&](CheckContent) { return fail<CheckContent::Findings>(answer); };
  Desk desk(std::move(ask));
  desk.config = config_for_test({"myorigin=example.com", "header_checks=inline:{{x=y}}"});
  auto posted = desk.post(message, {"bob"});
  REQUIRE_FALSE(posted);
  CHECK(posted.error().code() == control_busy);
  answer = Error(552, "5.3.4", "the actions are too large");
  posted = desk.post(message, {"bob"});
  REQUIRE_FALSE(posted);
  CHECK(posted.error().code() == 552);
  CHECK(posted.error().text() == "the actions are too large");
}

TEST_CASE("canonical maps rewrite a posted message's sender and header, or it is busy") {
  std::vector<Canonicalize> asked;
  bool can_tell = true;
  auto ask = PickupDesk::ask_later();
  ask.canonicalize = [&](Canonicalize question) {
    asked.push_back(question);
    return can_tell ? rename_ann(std::move(question))
                    : fail<Canonicalize::Rewritten>(Error::temporary("4.3.0", "a table is locked"));
  };
  Desk desk(std::move(ask));
  desk.config = config_for_test({"myorigin=example.com", "canonical_maps=inline:{{x=y}}"});
  auto posted = desk.post("From: ann\nTo: bob@there.test\n\nbody\n", {"bob"});
  REQUIRE(posted);
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].sender == "ann@example.com");
  auto text = desk.text_of(posted->queue_id);
  CHECK(text.ends_with("\nFrom: new@example.net\nTo: bob@there.test\n\nbody\n"));
  auto page = desk.ask(ListQueue(), 0);
  REQUIRE(page);
  CHECK(page->entries[0].sender == "new@example.net");

  REQUIRE(desk.post("Subject: no addresses\n\n", {"bob"}, "<>"));
  CHECK(asked.size() == 1);
  can_tell = false;
  auto busy = desk.post(message, {"bob"});
  REQUIRE_FALSE(busy);
  CHECK(busy.error().code() == control_busy);
}

TEST_CASE("a drop file is what its writer made, or refused") {
  LocalSubmission submission;
  submission.sender = "ann@x.test";
  submission.recipients = {"bob@y.test", "eve@z.test"};
  submission.envid = "id";
  auto bytes = drop_head(submission);
  auto head = parse_drop_head(bytes + "Subject: x\n");
  REQUIRE(head);
  CHECK(head->bytes == bytes.size());
  CHECK(head->submission.recipients == submission.recipients);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    CHECK_FALSE(parse_drop_head(std::string_view(bytes).substr(0, cut)));
  }
  submission.recipients.clear();
  CHECK_FALSE(parse_drop_head(drop_head(submission)));
  submission.recipients = {"bob\n@x"};
  CHECK_FALSE(parse_drop_head(drop_head(submission)));
}

TEST_CASE("sendmail's arguments are those that programs use") {
  auto parse = [](std::vector<std::string> args) { return parse_sendmail_options(args); };
  using Mode = SendmailOptions::Mode;
  auto options =
      parse({"-oi", "-fann@x.test", "-F", "Ann B", "-t", "-N", "success,delay", "--", "bob"});
  REQUIRE(options);
  CHECK(options->dot_is_text);
  CHECK(options->sender == "ann@x.test");
  CHECK(options->full_name == "Ann B");
  CHECK(options->recipients_from_header);
  CHECK(options->submission.notify == (notify_success | notify_delay));
  CHECK(options->submission.recipients == std::vector<std::string>{"bob"});
  CHECK(parse({"-bp"})->mode == Mode::List);
  CHECK(parse({"-bs"})->mode == Mode::Dialogue);
  CHECK(parse({"-bi"})->mode == Mode::NewAliases);
  CHECK(parse({"-q"})->mode == Mode::Flush);
  CHECK(parse({"-qI4abc"})->flush.id == "4abc");
  CHECK(parse({"-qRx.test"})->flush.site == "x.test");
  CHECK(parse({"-it", "-f", "<>"})->sender == "<>");
  CHECK(parse({"-i", "bob"})->submission.recipients.size() == 1);
  for (const char* how : {"-em", "-ep", "-eq", "-ew", "-ee", "-oeq"}) {
    CAPTURE(how);
    auto told = parse({how, "bob"});
    REQUIRE(told);
    CHECK(told->submission.recipients == std::vector<std::string>{"bob"});
  }
  CHECK(parse({"-e", "q", "bob"})->submission.recipients.size() == 1);
  CHECK(parse({"-N", "now", "bob"})->warnings ==
        std::vector<std::string>{"bad -N option value -- ignored"});
  CHECK(parse({"-R", "all", "bob"})->submission.ret == Ret::Unset);
  CHECK_FALSE(parse({"-f"}));
  CHECK_FALSE(parse({"-Z"}));
  CHECK_FALSE(parse({"-bd"}));
}

TEST_CASE(
    "sendmail -f takes an address in any form of a header, and a bad one does not stop the mail") {
  LocalUser user{"ann", "Ann Bee"};
  auto sender = [&](const char* given) {
    SendmailOptions options;
    options.sender = given;
    auto found = sender_of(options, user);
    return found.address.path() + (found.warning.empty() ? "" : " " + found.warning);
  };
  const std::string warning = " -f option specified malformed sender: ";
  CHECK(sender("<>") == "<>");
  CHECK(sender("") == "<>");
  CHECK(sender(" bob ") == "<bob>");
  CHECK(sender("<bob@x.test>") == "<bob@x.test>");
  CHECK(sender("Bob B <bob@x.test>") == "<bob@x.test>");
  CHECK(sender("bob@x.test (Bob)") == "<bob@x.test>");
  CHECK(sender("\"a b\"@x.test") == "<\"a b\"@x.test>");
  CHECK(sender("bob@[127.0.0.1]") == "<bob@[127.0.0.1]>");
  CHECK(sender("bob eve") == "<bob>" + warning + "bob eve");
  CHECK(sender("b@x.test, c@x.test") == "<b@x.test>" + warning + "b@x.test, c@x.test");
  CHECK(sender("x@") == "<ann>" + warning + "x@");
  CHECK(sender("(nobody)") == "<ann>" + warning + "(nobody)");
}

TEST_CASE("sendmail -XV makes the return path variable, with delimiters that are allowed") {
  auto config = config_for_test({"verp_delimiter_filter=-=+"});
  LocalUser user{"ann", "Ann"};
  auto delimiters = [&](std::vector<std::string> args) {
    args.push_back("bob@x.test");
    auto options = parse_sendmail_options(args);
    REQUIRE(options);
    LocalSubmission submission;
    auto text = prepare_message("Subject: s\n\nx\n", *options, user, *config, submission);
    return text ? submission.verp : text.error().text();
  };
  CHECK(delimiters({}).empty());
  CHECK(delimiters({"-X", "/tmp/traffic"}).empty());
  CHECK(delimiters({"-XV"}) == "+=");
  CHECK(delimiters({"-XV-="}) == "-=");
  CHECK(delimiters({"-XV/="}).find("two characters of \"-=+\"") != std::string::npos);
  CHECK(delimiters({"-XV+"}).find("two characters of") != std::string::npos);
  CHECK(delimiters({"-f", "<>", "-XV"}).find("a sender other than <>") != std::string::npos);
}

TEST_CASE("who may submit, list and flush is what lookup says, but root and the owner may list") {
  std::vector<CheckUser> asked;
  bool can_tell = true;
  auto ask = PickupDesk::ask_later();
  ask.check_user = [&](CheckUser question) {
    asked.push_back(question);
    if (!can_tell) return fail<CheckUser::Answer>(Error::temporary("4.3.0", "a table is locked"));
    return answer_about(question);
  };
  Desk desk(std::move(ask));
  constexpr uid_t ann = 54321;
  constexpr uid_t bob = 54322;
  REQUIRE(desk.ask(ListQueue(), ann));
  CHECK(asked.empty());  // anyone may
  desk.config = config_for_test({"myorigin=example.com", "authorized_mailq_users=bob",
                                 "authorized_flush_users=bob", "authorized_submit_users=bob"});
  CHECK(desk.ask(ListQueue(), 0));
  CHECK(desk.ask(FlushQueue(), 0));
  CHECK(asked.empty());
  CHECK(desk.ask(ListQueue(), bob));
  CHECK(desk.ask(FlushQueue(), bob));
  REQUIRE(asked.size() == 2);
  CHECK(asked[0].uid == bob);
  auto listed = desk.ask(ListQueue(), ann);
  REQUIRE_FALSE(listed);
  CHECK(listed.error().code() == control_denied);
  CHECK(listed.error().text() == "User ann(54321) is not allowed to view the mail queue");
  CHECK(desk.ask(FlushQueue(), ann).error().text() ==
        "User ann(54321) is not allowed to flush the mail queue");
  auto posted = desk.post(message, {"bob"});
  REQUIRE_FALSE(posted);
  CHECK(posted.error().text().ends_with(" is not allowed to submit mail"));
  can_tell = false;
  CHECK(desk.post(message, {"bob"}).error().code() == control_busy);
}

TEST_CASE("a drop file of an earlier version is still read") {
  LocalSubmission submission;
  submission.sender = "ann";
  submission.recipients = {"bob"};
  std::string head = drop_head(submission);
  std::uint32_t length = 0;
  std::memcpy(&length, head.data() + 7, sizeof length);
  length -= 4;  // without the empty delimiters at the end
  head.replace(0, 7, "PDROP1\n");
  head.replace(7, 4, reinterpret_cast<const char*>(&length), sizeof length);
  head.resize(head.size() - 4);
  auto parsed = parse_drop_head(head + "the message");
  REQUIRE(parsed);
  CHECK(parsed->bytes == head.size());
  CHECK(parsed->submission.sender == "ann");
  CHECK(parsed->submission.verp.empty());
}

TEST_CASE("a message ends at a lone dot unless dots are text") {
  CHECK(message_text("a\n.\nb\n", false) == "a\n");
  CHECK(message_text("a\n.\nb\n", true) == "a\n.\nb\n");
  CHECK(message_text("a\r\nb", true) == "a\nb\n");
  CHECK(message_text("From ann Thu\nSubject: x\n\nFrom here\n", true) ==
        "Subject: x\n\nFrom here\n");
  CHECK(message_text("", true).empty());
}

TEST_CASE("sendmail completes the header, and Bcc names recipients without being seen") {
  auto config = config_for_test({"myorigin=example.com"});
  SendmailOptions options;
  options.recipients_from_header = true;
  LocalSubmission submission;
  LocalUser user{"ann", "Ann Bee"};
  auto text = prepare_message("To: bob, eve@x.test\nBcc: spy@y.test\nSubject: s\n\nbody\n", options,
                              user, *config, submission);
  REQUIRE(text);
  CHECK(submission.sender == "ann");
  CHECK(submission.recipients == std::vector<std::string>{"bob", "eve@x.test", "spy@y.test"});
  CHECK(text->find("Bcc") == std::string::npos);
  CHECK(text->find("From: Ann Bee <ann@example.com>\n") != std::string::npos);
  CHECK(text->find("Date: ") != std::string::npos);
  CHECK(text->find("Message-ID: <") != std::string::npos);
  CHECK(text->ends_with("\n\nbody\n"));
  // An address that can't be delivered to is kept: the queue will tell the sender.
  CHECK(prepare_message("To: bob, eve@-x-.test\n\nbody\n", options, user, *config, submission));
  CHECK(submission.recipients == std::vector<std::string>{"bob", "eve@-x-.test"});
  CHECK_FALSE(prepare_message("Subject: x\n\n", options, user, *config, submission));

  options.recipients_from_header = false;
  options.submission.recipients = {"bob@x.test, eve@y.test", "bob@x.test"};
  text = prepare_message("no header here\n", options, user, *config, submission);
  REQUIRE(text);
  CHECK(submission.recipients == std::vector<std::string>{"bob@x.test", "eve@y.test"});
  CHECK(text->ends_with("\n\nno header here\n"));
}

TEST_CASE("the list of the queue has Postfix's columns") {
  ListQueue::Entry entry;
  entry.id = "0B2C3D4F5G6H7J8";
  entry.state = QueueState::Deferred;
  entry.arrival = 1'700'000'000;
  entry.size = 2312;
  entry.sender = "ann@example.net";
  entry.recipients.resize(2);
  entry.recipients[0].address = "bob@example.org";
  entry.recipients[0].reason = "connect to x: refused";
  entry.recipients[1].address = "eve@example.org";
  entry.recipients[1].reason = "connect to x: refused";
  std::string text = entry_text(entry);
  CHECK(text.starts_with("0B2C3D4F5G6H7J8       2312 Tue Nov 14 "));
  CHECK(text.find(" ann@example.net\n") == 46 - 0);
  CHECK(text.find(std::string(55, ' ') + "(connect to x: refused)\n") != std::string::npos);
  CHECK(text.find(std::string(47, ' ') + "eve@example.org\n") != std::string::npos);
  entry.sender.clear();
  entry.recipients.resize(1);
  entry.recipients[0].reason = "said \"no\"\n";
  CHECK(entry_json(entry) ==
        "{\"queue_name\": \"deferred\", \"queue_id\": \"0B2C3D4F5G6H7J8\", \"arrival_time\": "
        "1700000000, \"message_size\": 2312, \"forced_expire\": false, \"sender\": "
        "\"MAILER-DAEMON\", \"recipients\": [{\"address\": \"bob@example.org\", "
        "\"delay_reason\": \"said \\\"no\\\"\\u000a\"}]}\n");
}

TEST_CASE("a list comes in pages of control_client_bytes_max, and no message is left out") {
  Desk desk;
  desk.config = config_for_test({"myorigin=example.com", "control_client_bytes_max=65536"});
  std::vector<std::string> many;
  for (int i = 0; i < 1000; ++i) many.push_back("recipient" + std::to_string(i) + "@there.test");
  for (int i = 0; i < 5; ++i) REQUIRE(desk.post(message, many));
  REQUIRE(desk.post(message, {"bob"}));
  std::size_t pages = 0;
  std::size_t recipients = 0;
  ListQueue ask;
  for (;; ++pages) {
    auto page = desk.ask(ask, 1000);
    REQUIRE(page);
    CHECK(wire::encode(*page).size() < 65536 + 1000);
    for (const auto& entry : page->entries) recipients += entry.recipients.size();
    if (page->next_after.empty()) break;
    ask.after = page->next_after;
  }
  CHECK(pages == 3);
  CHECK(recipients == 5001);
  CHECK(desk.ask(ListQueue(), 1000)->waiting == 6);
}

TEST_CASE("mailq ends although mail comes in faster than it is shown") {
  auto [mine, theirs] = socket_pair();
  constexpr int pages_max = 50;
  std::jthread busy_queue([socket = std::move(theirs)] {
    std::string last;
    for (int number = 0; number < pages_max; ++number) {
      auto asked = receive_blocking(socket.number());
      if (!asked || !*asked) return;
      auto request = wire::decode<ListQueue>((*asked)->body);
      if (!request || std::exchange(last, "id" + std::to_string(number)) != request->after) return;
      ListQueue::Page page;
      page.entries.resize(1);
      page.entries[0].id = "id" + std::to_string(number);
      page.next_after = page.entries[0].id;
      page.waiting = 3;
      Message answer;
      answer.type = control_reply;
      answer.body = wire::encode(page);
      if (!send_blocking(socket.number(), std::move(answer))) return;
    }
  });
  std::ostringstream out, err;
  {
    auto queue = QueueClient::over(std::move(mine));
    CHECK(print_queue(queue, false, out, err) == 0);
  }
  CHECK(out.str().ends_with(" in 3 Requests.\n"));
}

TEST_CASE("mailq asks for no further page when nobody reads what it prints") {
  auto [mine, theirs] = socket_pair();
  std::size_t asked = 0;
  std::jthread queue_process([&, socket = std::move(theirs)] {
    for (;; ++asked) {
      auto request = receive_blocking(socket.number());
      if (!request || !*request) return;
      ListQueue::Page page;
      page.entries.resize(1);
      page.entries[0].id = page.next_after = "id" + std::to_string(asked);
      page.waiting = 50;
      Message answer;
      answer.type = control_reply;
      answer.body = wire::encode(page);
      if (!send_blocking(socket.number(), std::move(answer))) return;
    }
  });
  std::ostringstream out, err;
  out.setstate(std::ios::badbit);
  {
    auto queue = QueueClient::over(std::move(mine));
    print_queue(queue, false, out, err);
  }
  queue_process.join();
  CHECK(asked == 1);
}

TEST_CASE("a user has so many connections, and strangers shut out neither root nor the owner") {
  Desk desk;
  desk.config = config_for_test({"control_clients_per_user_max=3"});
  std::vector<ControlClients::Place> places;
  auto take = [&](uid_t uid) {
    auto place = desk.server->try_take_place(uid);
    if (place) places.push_back(*std::move(place));
    return place.has_value();
  };
  for (int i = 0; i < 3; ++i) CHECK(take(1000));
  CHECK_FALSE(take(1000));
  CHECK(take(1001));
  for (uid_t uid = 2000; places.size() < control_connections_max; ++uid) REQUIRE(take(uid));
  CHECK_FALSE(take(1001));
  for (int i = 0; i < 10; ++i) CHECK(take(0));
  CHECK(take(::geteuid()));
  places.clear();
  CHECK(take(1000));
}

namespace {

Task<int> short_work(Loop& loop, std::vector<std::string>& done, std::string name) {
  done.push_back(name + " begins");
  co_await loop.sleep(20ms);
  done.push_back(name + " ends");
  co_return 0;
}

Task<> run_in_turn(ControlClients::Place& place, Task<int> work) {
  auto one = place.in_turn(std::move(work));
  [[maybe_unused]] int result = co_await std::move(one);
}

Task<> join(Nursery& nursery) { co_await nursery.join(); }

}  // namespace

TEST_CASE("a user's requests are answered one after another, with a pause in between") {
  Desk desk;
  std::vector<std::string> done;
  auto first = desk.server->try_take_place(1000);
  auto second = desk.server->try_take_place(1000);
  auto root = desk.server->try_take_place(0);
  auto began = desk.loop.now();
  Nursery together(desk.loop);
  together.start(run_in_turn(*first, short_work(desk.loop, done, "a")));
  together.start(run_in_turn(*second, short_work(desk.loop, done, "b")));
  together.start(run_in_turn(*root, short_work(desk.loop, done, "root")));
  desk.loop.run_until(join(together));
  CHECK(done == std::vector<std::string>{"a begins", "root begins", "a ends", "root ends",
                                         "b begins", "b ends"});
  CHECK(desk.loop.now() - began >= 80ms);
}

TEST_CASE("a client that reads none of its answers is let go after control_timeout") {
  Desk desk;
  std::vector<std::string> many;
  for (int i = 0; i < 1000; ++i) many.push_back("recipient" + std::to_string(i) + "@there.test");
  for (int i = 0; i < 4; ++i) REQUIRE(desk.post(message, many));
  desk.config = config_for_test({"myorigin=example.com", "control_timeout=1s"});
  auto [mine, theirs] = socket_pair();
  auto place = desk.server->try_take_place(0);
  REQUIRE(place);
  auto began = desk.loop.now();
  Nursery serving(desk.loop);
  serving.start(desk.server->serve(std::move(theirs), *std::move(place)));
  // Their answers are far more than a socket takes.
  for (std::uint64_t id = 1; id <= 50; ++id) {
    Message request;
    request.type = ListQueue::type;
    request.id = id;
    request.body = wire::encode(ListQueue());
    REQUIRE(send_blocking(mine.number(), std::move(request)));
  }
  CHECK(desk.loop.run_until(within(desk.loop, 30s, join(serving))));
  CHECK(desk.loop.now() - began >= 1s);
}

TEST_CASE("sendmail leaves a message with postdrop where its user has too many connections") {
  Scratch scratch;
  auto program = scratch.path() / "postdrop";
  auto kept = scratch.path() / "kept";
  std::ofstream(program) << "#!/bin/sh\ncat > " << kept.string() << "\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  auto listening = listen_unix(queue_socket_path(scratch.path()), 0600);
  REQUIRE(listening);
  std::jthread busy([&] {
    pollfd waiting{listening->number(), POLLIN, 0};
    ::poll(&waiting, 1, 60'000);
    Descriptor client(::accept(listening->number(), nullptr, nullptr));
    Message out;
    out.type = control_error;
    out.body = wire::encode(WireError(Error(control_busy, "busy")));
    REQUIRE(send_blocking(client.number(), std::move(out)));
  });
  auto config = config_for_test({"queue_directory=" + scratch.path().string(),
                                 "command_directory=" + scratch.path().string()});
  LocalSubmission submission;
  submission.recipients = {"bob"};
  std::ostringstream err;
  CHECK(post_message(submission, message, *config, "/etc/pennypost", err) == 0);
  CHECK(err.str().empty());
  std::stringstream dropped;
  dropped << std::ifstream(kept).rdbuf();
  CHECK(dropped.str() == drop_head(submission) + message);
}

TEST_CASE("a posted message's header is looked at as one that comes by SMTP") {
  Desk desk;
  auto posted = desk.post("Bcc: x@there.test\nMessage-ID: <2@x>\r\nload\ris 17\r\n", {"bob"});
  REQUIRE(posted);
  ReadMessage read;
  read.id = posted->queue_id;
  auto content = desk.ask(read, 0);
  REQUIRE(content);
  auto text =
      read_exactly(desk.last_beside[0].number(), 0, content->envelope.size(), "the message");
  REQUIRE(text);
  CHECK(text->ends_with("\nMessage-ID: <2@x>\n\nload is 17\n"));
  CHECK(text->find("Bcc") == text->npos);
  CHECK(content->envelope.message_id == "<2@x>");
}

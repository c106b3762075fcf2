// The results of SEARCH and SORT: kept for `$`, in part, and in an order.
#include "common/log/sink.h"
#include "imapd/dialogue/testing.h"
#include "imapd/order/sorter.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

void fill(TestAccount& account) {
  account.deliver(
      "From: Bob <bob@x.org>\nTo: z@x.org\nSubject: Re: beta\nDate: 3 Jan 2024 10:00:00 "
      "+0000\n\n1\n");
  account.deliver(
      "From: \"=?utf-8?q?=C3=84nne?=\" <ann@x.org>\nTo: a@x.org\nSubject: Alpha\nDate: 2 Jan 2024 "
      "10:00:00 +0000\n\n22\n");
  account.deliver(
      "From: carl@x.org\nSubject: [list] BETA (fwd)\nDate: 1 Jan 2024 23:00:00 -0500\n\n333\n");
  account.deliver("Subject:\n\n" + std::string(500, 'x') + "\n");
}

}  // namespace

TEST_CASE(
    "a kept search result stands for its messages in every command, and forgets what is gone") {
  LogCapture log;
  TestAccount account;
  fill(account);
  Client client(account);
  client.command("SELECT INBOX");
  CHECK(client.command("FETCH $ UID") == "OK Fetch completed.\r\n");
  CHECK(client.command("SEARCH RETURN (SAVE) SMALLER 300") == "OK Search completed.\r\n");
  CHECK(has(client.command("UID SEARCH $ SUBJECT beta"), "* SEARCH 1 3\r\n"));
  CHECK(has(client.command("UID SEARCH UID $ NOT 1"), "* SEARCH 2 3\r\n"));
  CHECK(has(client.command("SEARCH NOT $"), "* SEARCH 4\r\n"));
  client.command("STORE 2 +FLAGS.SILENT (\\Deleted)");
  client.command("UID EXPUNGE $");
  CHECK(has(client.command("UID FETCH $ (UID)"), "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 3)\r\nOK "));
  client.command("CREATE Other");
  CHECK(has(client.command("COPY $ Other"), "OK [COPYUID "));
  // A BAD keeps it, a NO empties it.
  CHECK(has(client.command("SEARCH RETURN (SAVE) NOSUCH"), "BAD "));
  CHECK(has(client.command("SEARCH $"), "* SEARCH 1 2\r\n"));
  CHECK(has(client.command("SEARCH RETURN (SAVE) CHARSET X-NONE TEXT x"), "NO [BADCHARSET"));
  CHECK(has(client.command("SEARCH $"), "* SEARCH\r\n"));
  client.command("SEARCH RETURN (SAVE) ALL");
  CHECK(has(client.command("SORT RETURN (SAVE) (DATE) X-NONE ALL"), "NO [BADCHARSET"));
  CHECK(has(client.command("SEARCH $"), "* SEARCH\r\n"));
  client.command("SEARCH RETURN (SAVE) ALL");
  CHECK(client.command("SEARCH RETURN (SAVE) ANSWERED") == "OK Search completed.\r\n");
  CHECK(has(client.command("SEARCH $"), "* SEARCH\r\n"));
  client.command("SEARCH RETURN (SAVE) ALL");
  client.command("SELECT INBOX");
  CHECK(has(client.command("SEARCH $"), "* SEARCH\r\n"));
  CHECK(has(client.command("FETCH $,1 UID"), "BAD "));
}

TEST_CASE("of a result that is kept and told in part, the part is kept") {
  LogCapture log;
  TestAccount account;
  fill(account);
  Client client(account);
  client.command("SELECT INBOX");
  auto kept = [&](const std::string& options) {
    client.command("SEARCH RETURN (SAVE " + options + ") ALL");
    return client.command("SEARCH $");
  };
  CHECK(has(kept("MIN"), "* SEARCH 1\r\n"));
  CHECK(has(kept("MIN MAX"), "* SEARCH 1 4\r\n"));
  CHECK(has(kept("MIN COUNT"), "* SEARCH 1 2 3 4\r\n"));
  CHECK(has(kept("PARTIAL 2:3"), "* SEARCH 2 3\r\n"));
  CHECK(has(kept("PARTIAL -1:-1 MIN"), "* SEARCH 1 4\r\n"));
  CHECK(has(client.command("SEARCH RETURN (SAVE COUNT) ALL"), "COUNT 4\r\n"));
}

TEST_CASE("PARTIAL tells some of the results, counted from either end") {
  LogCapture log;
  TestAccount account;
  fill(account);
  Client client(account);
  client.command("SELECT INBOX");
  auto part = [&](const std::string& range) {
    return client.command("SEARCH RETURN (PARTIAL " + range + ") ALL");
  };
  CHECK(has(part("1:2"), " PARTIAL (1:2 1:2)\r\n"));
  CHECK(has(part("4:2"), " PARTIAL (2:4 2:4)\r\n"));
  CHECK(has(part("3:9"), " PARTIAL (3:9 3:4)\r\n"));
  CHECK(has(part("5:9"), " PARTIAL (5:9 NIL)\r\n"));
  CHECK(has(part("-1:-3"), " PARTIAL (-1:-3 2:4)\r\n"));
  CHECK(has(part("-4:-9"), " PARTIAL (-4:-9 1)\r\n"));
  CHECK(has(client.command("SORT RETURN (PARTIAL 1:2) (REVERSE DATE) UTF-8 ALL"),
            " PARTIAL (1:2 4,1)\r\n"));
  for (const char* bad : {"1", "1:*", "*:1", "0:1", "-1:2", "1:-2"}) {
    CAPTURE(bad);
    CHECK(has(part(bad), "BAD "));
  }
  CHECK(has(client.command("SEARCH RETURN (PARTIAL 1:2 ALL) ALL"), "BAD "));
  CHECK(has(client.command("SEARCH RETURN (PARTIAL 1:2 PARTIAL 1:2) ALL"), "BAD "));
}

TEST_CASE("UID FETCH takes PARTIAL as well, and applies it before CHANGEDSINCE") {
  LogCapture log;
  TestAccount account;
  fill(account);
  Client client(account);
  client.command("SELECT INBOX");
  auto fetched = [&](const std::string& partial) {
    auto answer = client.command("UID FETCH 1:* (UID) (PARTIAL " + partial + ")");
    std::string numbers;
    for (int number = 1; number <= 4; ++number) {
      if (has(answer, "* " + std::to_string(number) + " FETCH")) numbers += std::to_string(number);
    }
    return numbers;
  };
  CHECK(fetched("1:2") == "12");
  CHECK(fetched("-1:-3") == "234");
  CHECK(fetched("4:9") == "4");
  CHECK(fetched("5:9").empty());
  CHECK(fetched("2:2 CHANGEDSINCE 9223372036854775807").empty());
  CHECK(has(client.command("FETCH 1:* (UID) (PARTIAL 1:2)"), "BAD "));
  CHECK(has(client.command("UID FETCH 1:* (UID) (PARTIAL 1:2 PARTIAL 1:2)"), "BAD "));
  CHECK(has(client.command("UID FETCH 1:* (UID) (PARTIAL 1)"), "BAD "));
}

TEST_CASE("SORT orders by each criterion, and by number where messages are equal") {
  LogCapture log;
  TestAccount account;
  fill(account);
  Client client(account);
  client.command("SELECT INBOX");
  auto sorted = [&](const std::string& criteria) {
    auto answer = client.command("SORT (" + criteria + ") UTF-8 ALL");
    return answer.substr(0, answer.find("\r\n"));
  };
  CHECK(sorted("SUBJECT") == "* SORT 4 2 1 3");
  CHECK(sorted("REVERSE SUBJECT") == "* SORT 1 3 2 4");
  CHECK(sorted("SUBJECT REVERSE DATE") == "* SORT 4 2 1 3");
  CHECK(sorted("SUBJECT DATE") == "* SORT 4 2 3 1");
  CHECK(sorted("FROM") == "* SORT 4 2 1 3");
  CHECK(sorted("DISPLAYFROM") == "* SORT 4 2 1 3");
  CHECK(sorted("TO") == "* SORT 3 4 2 1");
  CHECK(sorted("DISPLAYTO") == "* SORT 3 4 2 1");
  CHECK(sorted("SUBJECT REVERSE SUBJECT DATE") == "* SORT 4 2 3 1");
  std::string many = "SUBJECT";
  for (int i = 1; i < 18; ++i) many += " REVERSE SUBJECT";
  CHECK(sorted(many) == "* SORT 4 2 1 3");
  CHECK(has(client.command("SORT (" + many + " DATE) UTF-8 ALL"), "BAD Too many sort criteria"));
  CHECK(sorted("CC") == "* SORT 1 2 3 4");
  CHECK(sorted("REVERSE SIZE") == "* SORT 4 2 1 3");
  CHECK(has(client.command("UID SORT RETURN (MIN MAX COUNT) (SUBJECT) UTF-8 NOT 4"),
            "UID MIN 2 MAX 3 COUNT 3\r\n"));
  CHECK(has(client.command("SORT (DATE) US-ASCII TEXT nothing"), "* SORT\r\nOK "));
  for (const char* bad :
       {"SORT () UTF-8 ALL", "SORT (REVERSE) UTF-8 ALL", "SORT DATE UTF-8 ALL", "SORT (DATE) UTF-8",
        "SORT (COLOUR) UTF-8 ALL", "SORT (DATE)", "SORT (REVERSE REVERSE DATE) UTF-8 ALL",
        "THREAD SUBJECT UTF-8 ALL", "THREAD REFS UTF-8", "THREAD REFERENCES ALL"}) {
    CAPTURE(bad);
    CHECK(has(client.command(bad), "BAD "));
  }
  CHECK(has(client.command("SORT (DATE) X-NONE ALL"), "NO [BADCHARSET"));
}

TEST_CASE(
    "SORT by ARRIVAL compares the time of INTERNALDATE, and reversed it keeps equal ones in "
    "order") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  for (const char* hour : {"12", "10", "11", "10"}) {
    client.send(
        "app APPEND INBOX \"05-Nov-2023 " + std::string(hour) + ":00:00 +0000\" {3+}\r\nx\r\n\r\n",
        "app ");
  }
  client.command("SELECT INBOX");
  CHECK(has(client.command("SORT (ARRIVAL) UTF-8 ALL"), "* SORT 2 4 3 1\r\n"));
  CHECK(has(client.command("SORT (REVERSE ARRIVAL) UTF-8 ALL"), "* SORT 1 3 2 4\r\n"));
  CHECK(has(client.command("SORT RETURN () (REVERSE ARRIVAL) UTF-8 ALL"), " ALL 1,3,2,4\r\n"));
}

TEST_CASE("texts are sorted by their first 255 octets, and beyond these by number") {
  LogCapture log;
  TestAccount account;
  for (const char* end : {"b", "a"}) {
    account.deliver("Subject: " + std::string(sort_text_octets_max - 1, 'x') + end + "\n\nx\n");
  }
  for (const char* end : {"b", "a"}) {
    account.deliver("Subject: " + std::string(sort_text_octets_max, 'y') + end + "\n\nx\n");
  }
  Client client(account);
  client.command("SELECT INBOX");
  CHECK(has(client.command("SORT (SUBJECT) UTF-8 ALL"), "* SORT 2 1 3 4\r\n"));
}

TEST_CASE("more messages than are sorted at once are in order as well") {
  LogCapture log;
  TestAccount account;
  std::string expected;
  constexpr int count = 1300;
  for (int i = 0; i < count; ++i) {
    account.deliver("Subject: " + std::to_string(10'000 + i * 7919 % count) + "\n\nx\n");
  }
  Client client(account);
  client.command("SELECT INBOX");
  auto answer = client.command("SORT (SUBJECT) UTF-8 ALL");
  std::vector<int> order(count);
  for (int i = 0; i < count; ++i) order[static_cast<std::size_t>(i * 7919 % count)] = i + 1;
  for (int number : order) expected += ' ' + std::to_string(number);
  CHECK(answer.substr(0, answer.find("\r\n")) == "* SORT" + expected);
}

TEST_CASE("THREAD answers with message numbers or UIDs of what was found") {
  LogCapture log;
  TestAccount account;
  account.deliver("Message-ID: <a@x>\nSubject: one\nDate: 1 Jan 2024 10:00:00 +0000\n\nx\n");
  account.deliver(
      "Message-ID: <b@x>\nReferences: <a@x>\nSubject: Re: one\nDate: 2 Jan 2024 10:00:00 "
      "+0000\n\nx\n");
  account.deliver(
      "Message-ID: <c@x>\nIn-Reply-To: <a@x>\nSubject: Re: one\nDate: 3 Jan 2024 10:00:00 "
      "+0000\n\nx\n");
  account.deliver("Message-ID: <d@x>\nSubject: two\nDate: 1 Jan 2023 10:00:00 +0000\n\nx\n");
  Client client(account);
  client.command("SELECT INBOX");
  CHECK(has(client.command("THREAD REFERENCES UTF-8 ALL"), "* THREAD (4)(1 (2)(3))\r\nOK "));
  CHECK(has(client.command("THREAD ORDEREDSUBJECT UTF-8 ALL"), "* THREAD (4)(1 (2)(3))\r\nOK "));
  CHECK(has(client.command("THREAD REFS UTF-8 ALL"), "* THREAD (4)(1 (2)(3))\r\nOK "));
  CHECK(has(client.command("THREAD REFERENCES UTF-8 NOT 1"), "* THREAD (4)((2)(3))\r\nOK "));
  CHECK(has(client.command("THREAD REFERENCES UTF-8 SUBJECT none"), "* THREAD\r\nOK "));
  client.command("STORE 4 +FLAGS.SILENT (\\Deleted)");
  client.command("EXPUNGE");
  client.command("COPY 1:3 INBOX");
  CHECK(has(client.command("UID THREAD REFERENCES UTF-8 UID 5:7"), "* THREAD (5 (6)(7))\r\nOK "));
}

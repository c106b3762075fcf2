#include "imapd/response/untagged.h"

#include <doctest/doctest.h>

using namespace pennypost::imap;
using namespace pennypost::store;

TEST_CASE("untagged lines look as the RFC shows them") {
  CHECK(exists_line(23) == "* 23 EXISTS\r\n");
  CHECK(recent_line(0) == "* 0 RECENT\r\n");
  CHECK(expunge_line(3) == "* 3 EXPUNGE\r\n");
  CHECK(flags_line({"$Junk", "", "work"}) ==
        "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk work)\r\n");
  CHECK(permanent_flags_line({}, false, true) ==
        "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] Flags "
        "permitted.\r\n");
  CHECK(permanent_flags_line({}, true, true) == "* OK [PERMANENTFLAGS ()] Read-only mailbox.\r\n");
  CHECK(list_line("LIST", {"\\HasNoChildren", "\\Sent"}, '.', "Sent") ==
        "* LIST (\\HasNoChildren \\Sent) \".\" Sent\r\n");
  CHECK(list_line("LSUB", {}, '\\', "Entw\xc3\xbcrfe alt") ==
        "* LSUB () \"\\\\\" \"Entw&APw-rfe alt\"\r\n");
  CHECK(list_line("LIST", {}, '/', "a", {"SUBSCRIBED"}) ==
        "* LIST () \"/\" a (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n");
  Status status;
  status.messages = 231;
  status.uid_next = Uid(44292);
  CHECK(status_line("blurdybloop", {StatusItem::UidNext, StatusItem::Messages}, status, 0) ==
        "* STATUS blurdybloop (UIDNEXT 44292 MESSAGES 231)\r\n");
  CHECK(namespace_line('.', {""}, {}) == "* NAMESPACE ((\"\" \".\")) NIL NIL\r\n");
  CHECK(namespace_line('/', {"INBOX/"}, {}) == "* NAMESPACE ((\"INBOX/\" \"/\")) NIL NIL\r\n");
  CHECK(namespace_line('/', {"", "mail/"}, {"shared/"}) ==
        "* NAMESPACE ((\"\" \"/\")(\"mail/\" \"/\")) ((\"shared/\" \"/\")) NIL\r\n");
  CHECK(id_line({{"name", "Pennypost"}, {"os", std::nullopt}}) ==
        "* ID (\"name\" \"Pennypost\" \"os\" NIL)\r\n");
}

TEST_CASE("search results come as a list, or as ESEARCH asks") {
  const std::uint32_t found[] = {2, 3, 4, 84};
  CHECK(search_line("SEARCH", found) == "* SEARCH 2 3 4 84\r\n");
  CHECK(search_line("SEARCH", {}) == "* SEARCH\r\n");
  SearchRequest request;
  request.return_min = request.return_max = request.return_all = request.return_count = true;
  CHECK(esearch_line("a1", true, request, found) ==
        "* ESEARCH (TAG \"a1\") UID MIN 2 MAX 84 ALL 2:4,84 COUNT 4\r\n");
  CHECK(esearch_line("a1", false, request, {}) == "* ESEARCH (TAG \"a1\") COUNT 0\r\n");
}

TEST_CASE("UIDPLUS codes pair UIDs in their order") {
  CHECK(append_uid_code({38505, {Uid(3955), Uid(3956), Uid(3957)}}) ==
        "[APPENDUID 38505 3955:3957]");
  CHECK(copy_uid_code(
            {38505, {Uid(304), Uid(319), Uid(320)}, {Uid(3956), Uid(3957), Uid(3958)}, {}}) ==
        "[COPYUID 38505 304,319:320 3956:3958]");
  CHECK(copy_uid_code({1, {}, {}, {}}).empty());
}

TEST_CASE(
    "how far a command is has a tag that ends no response code, and a goal that is not reached") {
  CHECK(progress_line("a1", "Searching.", 3, 10) ==
        "* OK [INPROGRESS (\"a1\" 3 10)] Searching.\r\n");
  CHECK(progress_line("a]", "Searching.", 3, std::nullopt) ==
        "* OK [INPROGRESS (NIL 3 NIL)] Searching.\r\n");
  CHECK(progress_line(std::string(200, 'a'), "", 3, 10) ==
        "* OK [INPROGRESS (\"" + std::string(200, 'a') + "\" 3 10)] \r\n");
  CHECK(progress_line(std::string(201, 'a'), "", 3, 10) == "* OK [INPROGRESS (NIL 3 10)] \r\n");
  CHECK(progress_line("a1", "Searching.", 10, 10) ==
        "* OK [INPROGRESS (\"a1\" NIL NIL)] Searching.\r\n");
  CHECK(progress_line("a1", "Searching.", std::nullopt, 10) ==
        "* OK [INPROGRESS (\"a1\" NIL NIL)] Searching.\r\n");
}
